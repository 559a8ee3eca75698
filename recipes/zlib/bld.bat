rem With the compilers of Visual Studio, or with one that takes the options of cc (tcc, gcc, clang).
rem Debian's tarball has no win32/, which CMakeLists.txt and upstream's makefiles need.
if not defined CC set "CC=cl"
set "sources=adler32.c compress.c crc32.c deflate.c gzclose.c gzlib.c gzread.c gzwrite.c infback.c inffast.c inflate.c inftrees.c trees.c uncompr.c zutil.c"
if not exist "%LIBRARY_BIN%" mkdir "%LIBRARY_BIN%"
if not exist "%LIBRARY_LIB%" mkdir "%LIBRARY_LIB%"
if not exist "%LIBRARY_INC%" mkdir "%LIBRARY_INC%"
if not exist "%LIBRARY_PREFIX%\share\zlib" mkdir "%LIBRARY_PREFIX%\share\zlib"
if "%CC%"=="cl" goto msvc

"%CC%" -O2 -DZLIB_DLL -shared -o zlib.dll %sources%
if %errorlevel% neq 0 exit 1
"%CC%" -O2 -I. -o example.exe test/example.c %sources%
if %errorlevel% neq 0 exit 1
goto install

:msvc
cl /nologo /O2 /MD /D_CRT_SECURE_NO_DEPRECATE /D_CRT_NONSTDC_NO_DEPRECATE /DZLIB_DLL /LD /Fezlib.dll %sources% /link /Brepro
if %errorlevel% neq 0 exit 1
cl /nologo /O2 /MD /D_CRT_SECURE_NO_DEPRECATE /D_CRT_NONSTDC_NO_DEPRECATE /DZLIB_DLL /I. /Feexample.exe test\example.c zlib.lib /link /Brepro
if %errorlevel% neq 0 exit 1
copy zlib.lib "%LIBRARY_LIB%\"
if %errorlevel% neq 0 exit 1
rem Programs look for either name of the import library.
copy zlib.lib "%LIBRARY_LIB%\z.lib"
if %errorlevel% neq 0 exit 1

:install
copy zlib.dll "%LIBRARY_BIN%\"
if %errorlevel% neq 0 exit 1
copy zlib.h "%LIBRARY_INC%\"
if %errorlevel% neq 0 exit 1
copy zconf.h "%LIBRARY_INC%\"
if %errorlevel% neq 0 exit 1
copy example.exe "%LIBRARY_PREFIX%\share\zlib\"
if %errorlevel% neq 0 exit 1
