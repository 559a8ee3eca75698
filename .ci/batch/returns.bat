exit /b 7
