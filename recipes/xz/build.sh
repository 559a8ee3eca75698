#!/bin/bash
set -euo pipefail

./configure --prefix="$PREFIX" --disable-static --disable-nls --disable-doc --disable-dependency-tracking \
  --disable-lzmadec --disable-lzmainfo
make -j"$CPU_COUNT"
make install
rm -r "$PREFIX"/share "$PREFIX"/lib/*.la
