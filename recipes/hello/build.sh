#!/bin/bash
set -euo pipefail

./configure --prefix="$PREFIX" --disable-nls --disable-dependency-tracking
make -j"$CPU_COUNT"
make check
make install-exec
