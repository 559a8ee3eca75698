#!/bin/bash
set -euo pipefail

# configure takes ARCH for the processor's name; a build has another meaning for it.
if [[ $target_platform == win-64 ]]; then
  env -u ARCH ./configure --prefix=/unused --cc="$CC_FOR_BUILD"
  windows=(-I. -DTCC_TARGET_PE -DTCC_TARGET_X86_64 -DONE_SOURCE=1)
  "$CC" $CPPFLAGS $CFLAGS "${windows[@]}" -o tcc.exe tcc.c $LDFLAGS -s
  # The same compiler, made to run here, compiles its runtime library.
  "$CC_FOR_BUILD" -O1 "${windows[@]}" -o cross-tcc tcc.c -lm -ldl
  for source in lib/{libtcc1.c,alloca86_64.S,alloca86_64-bt.S} win32/lib/{crt1,crt1w,wincrt1,wincrt1w,dllcrt1,dllmain}.c win32/lib/chkstk.S; do
    ./cross-tcc -c -Bwin32 -Iinclude -Iwin32/include "$source" -o "$(basename "${source%.*}").o"
  done
  ./cross-tcc -ar rcs libtcc1.a libtcc1.o alloca86_64.o alloca86_64-bt.o crt1.o crt1w.o wincrt1.o wincrt1w.o dllcrt1.o dllmain.o chkstk.o

  # It finds the folders beside it, wherever it is installed.
  tcc=$LIBRARY_PREFIX/tcc
  install -d "$LIBRARY_BIN" "$tcc/lib" "$tcc/include"
  install -m 755 tcc.exe "$tcc/"
  install -m 644 libtcc1.a "$tcc/lib/"
  install -m 644 win32/lib/*.def "$tcc/lib/"
  cp -R win32/include/. "$tcc/include/"
  install -m 644 include/*.h tcclib.h "$tcc/include/"
  printf '@"%%~dp0..\\tcc\\tcc.exe" %%*\r\n' > "$LIBRARY_BIN/tcc.bat"
  exit 0
fi

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
