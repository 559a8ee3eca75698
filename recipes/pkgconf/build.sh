#!/bin/bash
set -euo pipefail

./configure --prefix="$PREFIX" --disable-static --disable-dependency-tracking \
  --with-pkg-config-dir="$PREFIX/lib/pkgconfig:$PREFIX/share/pkgconfig" \
  --with-system-libdir=/usr/lib:/usr/lib/x86_64-linux-gnu --with-system-includedir=/usr/include
make -j"$CPU_COUNT"
make install
rm -r "$PREFIX"/lib/*.la "$PREFIX/share/man" "$PREFIX/share/doc"
