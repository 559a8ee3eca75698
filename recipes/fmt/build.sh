#!/bin/bash
set -euo pipefail

cmake -S . -B build -G Ninja ${CMAKE_ARGS} \
  -DBUILD_SHARED_LIBS=ON -DFMT_TEST=OFF -DFMT_DOC=OFF
cmake --build build --parallel "$CPU_COUNT"
cmake --install build
