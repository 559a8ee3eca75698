cmake -S . -B build -G Ninja ^
  -DCMAKE_BUILD_TYPE=Release ^
  -DCMAKE_INSTALL_PREFIX="%LIBRARY_PREFIX%" ^
  -DBUILD_SHARED_LIBS=ON -DFMT_TEST=OFF -DFMT_DOC=OFF
if %errorlevel% neq 0 exit 1
cmake --build build --parallel %CPU_COUNT%
if %errorlevel% neq 0 exit 1
cmake --install build
if %errorlevel% neq 0 exit 1
