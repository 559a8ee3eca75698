#!/bin/bash
set -euo pipefail

cd src
# Modules are looked for below the prefix, not /usr/local.
sed -i "s|^#define LUA_ROOT.*|#define LUA_ROOT \"$PREFIX/\"|" luaconf.h

# Upstream builds a static library only. Programs and embedders share one library here.
objects=""
for file in l*.c; do
  case $file in
    lua.c | luac.c) ;;
    *) objects="$objects ${file%.c}.o" ;;
  esac
done
flags="-std=gnu99 -DLUA_COMPAT_5_3 -DLUA_USE_LINUX"
make -j"$CPU_COUNT" $objects lua.o luac.o CC="$CC" CFLAGS="$CPPFLAGS $CFLAGS $flags"
"$CC" -shared -Wl,-soname,liblua.so.5.4 -o "liblua.so.$PKG_VERSION" $objects $LDFLAGS -lm -ldl
ln -s "liblua.so.$PKG_VERSION" liblua.so
"$CC" -o lua lua.o -Wl,-E -L. $LDFLAGS -llua -lm -ldl
# luac reaches into functions that the library does not export.
"$CC" -o luac luac.o $objects $LDFLAGS -lm -ldl

install -d "$PREFIX/bin" "$PREFIX/include" "$PREFIX/lib/pkgconfig"
install -m 755 lua luac "$PREFIX/bin/"
install -m 644 lua.h luaconf.h lualib.h lauxlib.h lua.hpp "$PREFIX/include/"
install -m 755 "liblua.so.$PKG_VERSION" "$PREFIX/lib/"
ln -s "liblua.so.$PKG_VERSION" "$PREFIX/lib/liblua.so.5.4"
ln -s liblua.so.5.4 "$PREFIX/lib/liblua.so"

cat > "$PREFIX/lib/pkgconfig/lua.pc" <<PC
prefix=$PREFIX
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: Lua
Description: An extensible extension language
Version: $PKG_VERSION
Libs: -L\${libdir} -llua -lm -ldl
Cflags: -I\${includedir}
PC
