#!/bin/bash
set -euo pipefail

# configure and make are asked for the generated sources only; compiling them is two commands.
./configure --prefix="$PREFIX" --disable-tcl --disable-static
make sqlite3.c sqlite3.h shell.c sqlite3.pc

options="-DSQLITE_THREADSAFE=1 -DSQLITE_ENABLE_COLUMN_METADATA -DSQLITE_ENABLE_DBSTAT_VTAB
  -DSQLITE_ENABLE_FTS3 -DSQLITE_ENABLE_FTS3_PARENTHESIS -DSQLITE_ENABLE_FTS3_TOKENIZER -DSQLITE_ENABLE_FTS5
  -DSQLITE_ENABLE_MATH_FUNCTIONS -DSQLITE_ENABLE_RTREE -DSQLITE_ENABLE_GEOPOLY -DSQLITE_ENABLE_UNLOCK_NOTIFY
  -DSQLITE_MAX_VARIABLE_NUMBER=250000 -DSQLITE_SECURE_DELETE -DHAVE_ISNAN=1 -DHAVE_USLEEP=1 -DHAVE_FDATASYNC=1"

"$CC" $CPPFLAGS $CFLAGS $options -c shell.c -DHAVE_READLINE=1 -I. &
"$CC" $CPPFLAGS $CFLAGS $options -c sqlite3.c
wait $!
"$CC" -shared -Wl,-soname,libsqlite3.so.0 -o libsqlite3.so.0.8.6 sqlite3.o $LDFLAGS -lm -lpthread -ldl
ln -s libsqlite3.so.0.8.6 libsqlite3.so
"$CC" -o sqlite3 shell.o -L. $LDFLAGS -lsqlite3 -lreadline -lm

install -d "$PREFIX/bin" "$PREFIX/include" "$PREFIX/lib/pkgconfig"
install -m 755 sqlite3 "$PREFIX/bin/"
install -m 644 sqlite3.h sqlite3ext.h "$PREFIX/include/"
install -m 755 libsqlite3.so.0.8.6 "$PREFIX/lib/"
ln -s libsqlite3.so.0.8.6 "$PREFIX/lib/libsqlite3.so.0"
ln -s libsqlite3.so.0 "$PREFIX/lib/libsqlite3.so"
install -m 644 sqlite3.pc "$PREFIX/lib/pkgconfig/"
