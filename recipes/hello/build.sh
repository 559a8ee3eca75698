#!/bin/bash
set -euo pipefail

./configure --prefix="$PREFIX" --disable-nls --disable-dependency-tracking
make -j"$CPU_COUNT"
if [[ "$CONDA_BUILD_CROSS_COMPILATION" != 1 ]]; then make check; fi
make install-exec
