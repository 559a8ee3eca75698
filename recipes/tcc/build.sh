#!/bin/bash
set -euo pipefail

# configure takes ARCH for the processor's name; a build has another meaning for it.
env -u ARCH ./configure --prefix="$PREFIX" --cc="$CC" --ar="$AR"
make -j"$CPU_COUNT" tcc libtcc.a CFLAGS="$CPPFLAGS $CFLAGS" LDFLAGS="$LDFLAGS"
# The runtime library is compiled by the compiler that was just built.
make libtcc1.a

install -d "$PREFIX/bin" "$PREFIX/include" "$PREFIX/lib/tcc/include"
install -m 755 tcc "$PREFIX/bin/"
install -m 644 libtcc.h "$PREFIX/include/"
install -m 644 libtcc.a "$PREFIX/lib/"
install -m 644 libtcc1.a "$PREFIX/lib/tcc/"
install -m 644 include/*.h tcclib.h "$PREFIX/lib/tcc/include/"
