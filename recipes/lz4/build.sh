#!/bin/bash
set -euo pipefail

# The makefiles overwrite CFLAGS when given none on the command line; MOREFLAGS are theirs.
export CFLAGS="$CPPFLAGS $CFLAGS"
for folder in lib programs; do
  make -C "$folder" -j"$CPU_COUNT" PREFIX="$PREFIX" BUILD_STATIC=no
  make -C "$folder" PREFIX="$PREFIX" BUILD_STATIC=no install
done
rm -r "$PREFIX/share/man"
