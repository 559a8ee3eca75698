rem With the compilers of Visual Studio, or with one that takes the options of cc (tcc, gcc, clang).
if not defined CC set "CC=cl"
set "library=blocksort.c huffman.c crctable.c randtable.c compress.c decompress.c bzlib.c"
for %%d in ("%LIBRARY_BIN%" "%LIBRARY_LIB%" "%LIBRARY_INC%") do if not exist %%d mkdir %%d
if "%CC%"=="cl" goto msvc

"%CC%" -O2 -DBZ_EXPORT -shared -o libbz2.dll %library% %LDFLAGS%
if %errorlevel% neq 0 exit 1
"%CC%" -O2 -DBZ_EXPORT -o bzip2.exe bzip2.c %library%
if %errorlevel% neq 0 exit 1
"%CC%" -O2 -o bzip2recover.exe bzip2recover.c
if %errorlevel% neq 0 exit 1
goto install

:msvc
cl /nologo /O2 /MD /DBZ_EXPORT /D_CRT_SECURE_NO_WARNINGS /LD /Felibbz2.dll %library% /link /DEF:libbz2.def /Brepro
if %errorlevel% neq 0 exit 1
cl /nologo /O2 /MD /DBZ_EXPORT /D_CRT_SECURE_NO_WARNINGS /Febzip2.exe bzip2.c %library% setargv.obj /link /Brepro
if %errorlevel% neq 0 exit 1
cl /nologo /O2 /MD /DBZ_EXPORT /D_CRT_SECURE_NO_WARNINGS /Febzip2recover.exe bzip2recover.c /link /Brepro
if %errorlevel% neq 0 exit 1
copy libbz2.lib "%LIBRARY_LIB%\bzip2.lib"
if %errorlevel% neq 0 exit 1

:install
bzip2.exe -1 -c sample1.ref > sample1.rb2
if %errorlevel% neq 0 exit 1
fc /b sample1.bz2 sample1.rb2 > nul
if %errorlevel% neq 0 exit 1
bzip2.exe -d -c sample2.bz2 > sample2.tst
if %errorlevel% neq 0 exit 1
fc /b sample2.ref sample2.tst > nul
if %errorlevel% neq 0 exit 1
copy bzip2.exe "%LIBRARY_BIN%\"
if %errorlevel% neq 0 exit 1
copy bzip2recover.exe "%LIBRARY_BIN%\"
if %errorlevel% neq 0 exit 1
copy libbz2.dll "%LIBRARY_BIN%\"
if %errorlevel% neq 0 exit 1
copy bzlib.h "%LIBRARY_INC%\"
if %errorlevel% neq 0 exit 1
