#!/bin/bash
set -euo pipefail

make -j"$CPU_COUNT" CC="$CC" LDFLAGS="$LDFLAGS" \
  CFLAGS="$CPPFLAGS $CFLAGS -DLARGEFILE_SOURCE -D_FILE_OFFSET_BITS=64"
install -D -m 755 tree "$PREFIX/bin/tree"
install -D -m 644 doc/tree.1 "$PREFIX/share/man/man1/tree.1"
