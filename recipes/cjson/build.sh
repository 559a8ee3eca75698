#!/bin/bash
set -euo pipefail

cmake -S . -B build ${CMAKE_ARGS} \
  -DENABLE_CJSON_TEST=OFF -DENABLE_CJSON_UTILS=ON -DENABLE_CUSTOM_COMPILER_FLAGS=OFF
cmake --build build --parallel "$CPU_COUNT"
cmake --install build
