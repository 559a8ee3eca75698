#!/bin/bash
set -euo pipefail

if [[ $target_platform == win-* ]]; then export CMAKE_GENERATOR=Ninja; fi # as build.bat
cmake -S expat -B build ${CMAKE_ARGS} \
  -DEXPAT_BUILD_TESTS=OFF -DEXPAT_BUILD_EXAMPLES=OFF -DEXPAT_BUILD_DOCS=OFF
cmake --build build --parallel "$CPU_COUNT"
cmake --install build
rm -r "${LIBRARY_PREFIX:-$PREFIX}/share"
