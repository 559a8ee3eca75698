cmake -S expat -B build -G Ninja ^
  -DCMAKE_BUILD_TYPE=Release ^
  -DCMAKE_INSTALL_PREFIX="%LIBRARY_PREFIX%" ^
  -DEXPAT_BUILD_TESTS=OFF -DEXPAT_BUILD_EXAMPLES=OFF -DEXPAT_BUILD_DOCS=OFF
if %errorlevel% neq 0 exit 1
cmake --build build --parallel %CPU_COUNT%
if %errorlevel% neq 0 exit 1
cmake --install build
if %errorlevel% neq 0 exit 1
