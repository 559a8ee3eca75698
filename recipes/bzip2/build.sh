#!/bin/bash
set -euo pipefail

flags="$CPPFLAGS $CFLAGS -D_FILE_OFFSET_BITS=64"

# The makefile of the shared library has no install target.
make -j"$CPU_COUNT" -f Makefile-libbz2_so CC="$CC" CFLAGS="$flags $LDFLAGS"
install -d "$PREFIX/bin" "$PREFIX/include" "$PREFIX/lib/pkgconfig"
install -m 755 "libbz2.so.$PKG_VERSION" "$PREFIX/lib/"
for name in libbz2.so libbz2.so.1 libbz2.so.1.0; do
  ln -sf "libbz2.so.$PKG_VERSION" "$PREFIX/lib/$name"
done
install -m 644 bzlib.h "$PREFIX/include/"

# bzip2 itself uses the library; bzip2recover stands alone.
for name in bzip2 bzip2recover; do
  "$CC" $flags -o "$name.new" "$name.c" $LDFLAGS -lbz2
  install -m 755 "$name.new" "$PREFIX/bin/$name"
done
ln -sf bzip2 "$PREFIX/bin/bunzip2"
ln -sf bzip2 "$PREFIX/bin/bzcat"
install -m 755 bzgrep bzmore bzdiff "$PREFIX/bin/"
for name in bzegrep:bzgrep bzfgrep:bzgrep bzless:bzmore bzcmp:bzdiff; do
  ln -sf "${name#*:}" "$PREFIX/bin/${name%:*}"
done

cat > "$PREFIX/lib/pkgconfig/bzip2.pc" <<PC
prefix=$PREFIX
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: bzip2
Description: A file compression library
Version: $PKG_VERSION
Libs: -L\${libdir} -lbz2
Cflags: -I\${includedir}
PC
