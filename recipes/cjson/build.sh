#!/bin/bash
set -euo pipefail

if [[ $target_platform == win-* ]]; then export CMAKE_GENERATOR=Ninja; fi # as build.bat
cmake -S . -B build ${CMAKE_ARGS} \
  -DENABLE_CJSON_TEST=OFF -DENABLE_CJSON_UTILS=ON -DENABLE_CUSTOM_COMPILER_FLAGS=OFF
cmake --build build --parallel "$CPU_COUNT"
cmake --install build
