call "%RECIPE_DIR%\returns.bat"
if %errorlevel% neq 7 exit 11
cmd /d /c exit 300
if %errorlevel% neq 300 exit 12
if not "%TEXT%"=="äöü €" exit 13
mkdir "%PREFIX%\share"
if not exist "%PREFIX%\share" exit 14
echo "%SIGNS%"> "%PREFIX%\share\signs.txt"
echo %TEXT%> "%PREFIX%\share\grüße.txt"
exit 0
