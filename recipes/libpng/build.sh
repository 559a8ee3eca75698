#!/bin/bash
set -euo pipefail

# No timestamps decide whether autoconf runs again: the archive's are all one.
touch aclocal.m4 && touch configure Makefile.in config.h.in

# macOS has no fp.h any more, and newer compilers name the system before its headers do.
sed -i 's/ || defined(TARGET_OS_MAC)//' pngpriv.h

if [[ $target_platform == win-* ]]; then # cross built, as build.bat does
  cmake -S . -B build -G Ninja $CMAKE_ARGS -DPNG_SHARED=ON -DPNG_STATIC=OFF -DPNG_TESTS=OFF
  cmake --build build --parallel "$CPU_COUNT"
  cmake --install build
  find "$LIBRARY_PREFIX" -type l | while read -r link; do # Windows does not let everybody make links
    cp --remove-destination "$(readlink -f "$link")" "$link"
  done
  exit
fi

./configure --prefix="$PREFIX" --disable-static --disable-dependency-tracking \
  --with-zlib-prefix="$PREFIX" CPPFLAGS="$CPPFLAGS -I$PREFIX/include"
make -j"$CPU_COUNT" libpng16.la pngtest
if [[ $CONDA_BUILD_CROSS_COMPILATION != 1 ]]; then
  ./pngtest pngtest.png
fi
make install-libLTLIBRARIES install-pkgincludeHEADERS install-nodist_pkgincludeHEADERS \
  install-header-links install-pkgconfigDATA install-binSCRIPTS install-data-hook install-exec-hook
rm -f "$PREFIX"/lib/*.la
