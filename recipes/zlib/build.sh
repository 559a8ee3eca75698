#!/bin/bash
set -euo pipefail

if [[ $target_platform == win-* ]]; then
  # Debian's tarball has no win32/, where upstream keeps the makefile for MinGW.
  sources=(adler32 compress crc32 deflate gzclose gzlib gzread gzwrite infback inffast inflate inftrees trees uncompr zutil)
  "$CC" $CPPFLAGS $CFLAGS -DZLIB_DLL -shared -o zlib.dll "${sources[@]/%/.c}" $LDFLAGS -Wl,--out-implib,zlib.lib
  "$CC" $CPPFLAGS $CFLAGS -DZLIB_DLL -I. -o example.exe test/example.c zlib.lib $LDFLAGS
  install -d "$LIBRARY_BIN" "$LIBRARY_LIB/pkgconfig" "$LIBRARY_INC" "$LIBRARY_PREFIX/share/zlib"
  install -m 755 zlib.dll "$LIBRARY_BIN/"
  install -m 644 zlib.lib "$LIBRARY_LIB/"
  install -m 644 zlib.lib "$LIBRARY_LIB/libz.dll.a"
  install -m 644 zlib.h zconf.h "$LIBRARY_INC/"
  # The package's test runs it, for nothing of Windows runs while this is built.
  install -m 755 example.exe "$LIBRARY_PREFIX/share/zlib/"
  sed -e "s|@prefix@|$LIBRARY_PREFIX|" -e 's|@exec_prefix@|${prefix}|' -e 's|@libdir@|${prefix}/lib|' -e 's|@sharedlibdir@|${prefix}/bin|' \
    -e 's|@includedir@|${prefix}/include|' -e "s|@VERSION@|$PKG_VERSION|" zlib.pc.in > "$LIBRARY_LIB/pkgconfig/zlib.pc"
  exit 0
fi

if [[ $target_platform == osx-* ]]; then
  # configure asks uname which system this is, and a Mac's archiver is not here when it is another. zutil.h takes
  # every Mac for one of before 2001, which has no fdopen.
  sources=(adler32 compress crc32 deflate gzclose gzlib gzread gzwrite infback inffast inflate inftrees trees uncompr zutil)
  install -d "$PREFIX/lib/pkgconfig" "$PREFIX/include"
  $CC $CPPFLAGS $CFLAGS -DHAVE_HIDDEN -DHAVE_UNISTD_H=1 -DHAVE_STDARG_H=1 -D_LARGEFILE64_SOURCE=1 -Dfdopen=fdopen -dynamiclib -o "$PREFIX/lib/libz.$PKG_VERSION.dylib" \
    "${sources[@]/%/.c}" -install_name "$PREFIX/lib/libz.1.dylib" -compatibility_version 1.0.0 -current_version "$PKG_VERSION" $LDFLAGS
  ln -s "libz.$PKG_VERSION.dylib" "$PREFIX/lib/libz.1.dylib"
  ln -s "libz.$PKG_VERSION.dylib" "$PREFIX/lib/libz.dylib"
  install -m 644 zlib.h zconf.h "$PREFIX/include/"
  sed -e "s|@prefix@|$PREFIX|" -e 's|@exec_prefix@|${prefix}|' -e 's|@libdir@|${prefix}/lib|' -e 's|@sharedlibdir@|${prefix}/lib|' \
    -e 's|@includedir@|${prefix}/include|' -e "s|@VERSION@|$PKG_VERSION|" zlib.pc.in > "$PREFIX/lib/pkgconfig/zlib.pc"
  exit 0
fi

./configure --prefix="$PREFIX" --libdir="$PREFIX/lib"
make -j"$CPU_COUNT"
if [[ $CONDA_BUILD_CROSS_COMPILATION != 1 ]]; then
  make check
fi
make install

# Whoever links statically wants the same flags everywhere; nobody in this channel does.
rm "$PREFIX/lib/libz.a"
rm -r "$PREFIX/share/man"
