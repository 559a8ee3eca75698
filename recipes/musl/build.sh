#!/bin/bash
set -euo pipefail

# A C library is not built with the flags of programs: no hardening that it has to provide itself,
# nothing from the prefix.
unset CPPFLAGS LDFLAGS LD_RUN_PATH
export CFLAGS="-O2 -pipe -ffile-prefix-map=$SRC_DIR=/usr/local/src/conda/$PKG_NAME-$PKG_VERSION"

./configure --prefix="$PREFIX/musl" --bindir="$PREFIX/bin" --syslibdir="$PREFIX/musl/lib" --enable-wrapper=gcc
make -j"$CPU_COUNT"
make install
ln -sf libc.so "$PREFIX/musl/lib/ld-musl-$(uname -m).so.1"
