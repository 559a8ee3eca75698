#!/bin/bash
set -euo pipefail

./configure --prefix="$PREFIX" --disable-static --with-curses --disable-install-examples
# Upstream leaves the terminal library to the program that links readline; ours names it.
make -j"$CPU_COUNT" SHLIB_LIBS=-ltinfow
make install SHLIB_LIBS=-ltinfow
rm -r "$PREFIX"/share/{doc,info,man}
