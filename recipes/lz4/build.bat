cmake -S build\cmake -B out -G Ninja ^
  -DCMAKE_BUILD_TYPE=Release ^
  -DCMAKE_INSTALL_PREFIX="%LIBRARY_PREFIX%" ^
  -DBUILD_SHARED_LIBS=ON ^
  -DBUILD_STATIC_LIBS=OFF
if %errorlevel% neq 0 exit 1
cmake --build out --parallel %CPU_COUNT%
if %errorlevel% neq 0 exit 1
cmake --install out
if %errorlevel% neq 0 exit 1
