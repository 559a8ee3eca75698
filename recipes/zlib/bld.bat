cmake -S . -B build -G Ninja ^
  -DCMAKE_BUILD_TYPE=Release ^
  -DCMAKE_INSTALL_PREFIX="%LIBRARY_PREFIX%" ^
  -DBUILD_SHARED_LIBS=ON
if errorlevel 1 exit 1
cmake --build build --parallel %CPU_COUNT%
if errorlevel 1 exit 1
ctest --test-dir build --output-on-failure
if errorlevel 1 exit 1
cmake --install build
if errorlevel 1 exit 1
rem Programs look for either name of the import library.
copy "%LIBRARY_LIB%\zlib.lib" "%LIBRARY_LIB%\z.lib"
if errorlevel 1 exit 1
