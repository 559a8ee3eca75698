cmake -S . -B build -G Ninja ^
  -DCMAKE_BUILD_TYPE=Release ^
  -DCMAKE_INSTALL_PREFIX="%LIBRARY_PREFIX%" ^
  -DENABLE_CJSON_TEST=OFF -DENABLE_CJSON_UTILS=ON
if %errorlevel% neq 0 exit 1
cmake --build build --parallel %CPU_COUNT%
if %errorlevel% neq 0 exit 1
cmake --install build
if %errorlevel% neq 0 exit 1
