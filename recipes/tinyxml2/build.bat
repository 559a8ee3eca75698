cmake -S . -B build %CMAKE_ARGS% -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="%LIBRARY_PREFIX%" -DBUILD_SHARED_LIBS=ON -Dtinyxml2_SHARED_LIBS=ON -DBUILD_TESTING=OFF
if %errorlevel% neq 0 exit 1
cmake --build build --config Release --parallel %CPU_COUNT%
if %errorlevel% neq 0 exit 1
cmake --install build --config Release
if %errorlevel% neq 0 exit 1
cmake -S "%RECIPE_DIR%\check" -B check %CMAKE_ARGS% -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="%LIBRARY_PREFIX%" -DCMAKE_PREFIX_PATH="%LIBRARY_PREFIX%"
if %errorlevel% neq 0 exit 1
cmake --build check --config Release
if %errorlevel% neq 0 exit 1
cmake --install check --config Release
if %errorlevel% neq 0 exit 1
