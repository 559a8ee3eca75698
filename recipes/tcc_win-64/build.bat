mkdir "%PREFIX%\etc\conda\activate.d"
if %errorlevel% neq 0 exit 1
copy "%RECIPE_DIR%\activate.bat" "%PREFIX%\etc\conda\activate.d\tcc_win-64.bat"
if %errorlevel% neq 0 exit 1
