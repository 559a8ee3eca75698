#!/bin/bash
set -euo pipefail

cmake -S . -B build ${CMAKE_ARGS} -DBUILD_SHARED_LIBS=ON -Dtinyxml2_SHARED_LIBS=ON -DBUILD_TESTING=OFF
cmake --build build --parallel "$CPU_COUNT"
cmake --install build

# The package's test runs it: what is built for another machine does not run here.
cmake -S "$RECIPE_DIR/check" -B check ${CMAKE_ARGS} -DCMAKE_PREFIX_PATH="${LIBRARY_PREFIX:-$PREFIX}"
cmake --build check
cmake --install check
