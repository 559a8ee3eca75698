nmake install
if errorlevel 1 exit 1
