#!/bin/bash
set -euo pipefail

./configure --prefix="$PREFIX" --cc="$CC" --ar="$AR" \
  --extra-cflags="$CFLAGS" --extra-ldflags="$LDFLAGS"
make -j"$CPU_COUNT" tcc libtcc.a
make -j"$CPU_COUNT" libtcc1.a

install -d "$PREFIX/bin" "$PREFIX/include" "$PREFIX/lib/tcc/include"
install -m 755 tcc "$PREFIX/bin/"
install -m 644 libtcc.h "$PREFIX/include/"
install -m 644 libtcc.a "$PREFIX/lib/"
install -m 644 libtcc1.a "$PREFIX/lib/tcc/"
install -m 644 include/*.h tcclib.h "$PREFIX/lib/tcc/include/"
