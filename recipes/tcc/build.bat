cd win32
call build-tcc.bat -c cl -t 64 -i "%LIBRARY_PREFIX%\tcc"
if %errorlevel% neq 0 exit 1
if not exist "%LIBRARY_BIN%" mkdir "%LIBRARY_BIN%"
> "%LIBRARY_BIN%\tcc.bat" echo @"%%~dp0..\tcc\tcc.exe" %%*
if %errorlevel% neq 0 exit 1
