cmake -S . -B build -G Ninja ^
  -DCMAKE_BUILD_TYPE=Release ^
  -DCMAKE_PREFIX_PATH="%LIBRARY_PREFIX%" ^
  -DCMAKE_INSTALL_PREFIX="%LIBRARY_PREFIX%" ^
  -DPNG_SHARED=ON -DPNG_STATIC=OFF
if %errorlevel% neq 0 exit 1
cmake --build build --parallel %CPU_COUNT%
if %errorlevel% neq 0 exit 1
ctest --test-dir build --output-on-failure
if %errorlevel% neq 0 exit 1
cmake --install build
if %errorlevel% neq 0 exit 1
