#!/bin/bash
set -euo pipefail

# No timestamps decide whether autoconf runs again: the archive's are all one.
touch aclocal.m4 && touch configure Makefile.in config.h.in

./configure --prefix="$PREFIX" --disable-static --disable-dependency-tracking \
  --with-zlib-prefix="$PREFIX" CPPFLAGS="$CPPFLAGS -I$PREFIX/include"
make -j"$CPU_COUNT" libpng16.la pngtest
if [[ $CONDA_BUILD_CROSS_COMPILATION != 1 ]]; then
  ./pngtest pngtest.png
fi
make install-libLTLIBRARIES install-pkgincludeHEADERS install-nodist_pkgincludeHEADERS \
  install-header-links install-pkgconfigDATA install-binSCRIPTS install-data-hook install-exec-hook
rm -f "$PREFIX"/lib/*.la
