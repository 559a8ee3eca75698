#!/bin/bash
set -euo pipefail

series=${PKG_VERSION%.*}
stdlib=$PREFIX/lib/python$series
export PYTHONHASHSEED=0

# Modules of libraries that only the host could offer.
cat > Modules/Setup.local <<'SETUP'
*disabled*
_dbm
_gdbm
_tkinter
nis
SETUP

./configure --prefix="$PREFIX" --enable-shared --enable-ipv6 \
  --with-system-expat --with-system-ffi --with-readline=readline \
  --with-openssl="$PREFIX" --with-tzpath="$PREFIX/share/zoneinfo" \
  --without-ensurepip --without-static-libpython --disable-test-modules \
  OPT="-DNDEBUG -fwrapv -Wall" \
  LIBFFI_INCLUDEDIR="$PREFIX/include"
# The makefile would compile the standard library six times; once is enough, and comes last.
sed -i 's|-Wi.*/compileall\.py|-c pass|' Makefile
make -j"$CPU_COUNT"
make install

# No Tk, no pip: what needs them goes.
rm -r "$stdlib"/{ensurepip,idlelib,tkinter,turtledemo,turtle.py} "$PREFIX"/bin/idle* "$PREFIX/share/man"
find "$PREFIX/lib/python$series" -name __pycache__ -type d -prune -exec rm -r {} +

# What a module built against this Python is told: no path of this build.
data=$(ls "$stdlib"/_sysconfigdata_*.py)
config=$(ls -d "$stdlib"/config-"$series"-*)
sed -i -E -e "s# ?-ffile-prefix-map=[^ '\"]*##g" -e "s#$SRC_DIR#.#g" \
  "$data" "$config/Makefile" "$PREFIX/bin/python$series-config"
rm -f "$config"/config.c.in "$config"/libpython*.a

ln -s python3 "$PREFIX/bin/python"
ln -s pydoc3 "$PREFIX/bin/pydoc"

# Compiled files hold the path they were read from; stripped of the prefix they suit every one.
# What holds the prefix in its constants stays source: byte code cannot be rewritten at installation.
# This Python must not write any itself while it starts: those would hold times, and be left as they are.
PYTHONDONTWRITEBYTECODE=1 LD_LIBRARY_PATH="$PREFIX/lib" "$PREFIX/bin/python$series" -m compileall -q -f -j"$CPU_COUNT" \
  -s "$PREFIX" --invalidation-mode unchecked-hash -x 'bad_coding|badsyntax|lib2to3/tests|_sysconfigdata_' "$stdlib"
