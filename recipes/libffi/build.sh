#!/bin/bash
set -euo pipefail

./configure --prefix="$PREFIX" --disable-static --disable-docs --disable-multi-os-directory --disable-dependency-tracking
make -j"$CPU_COUNT"
make install
rm -r "$PREFIX"/lib/*.la "$PREFIX/share"
