#!/bin/bash
set -euo pipefail

# A tic that runs here makes the database of a machine that builds do not run on.
tic="$PREFIX/bin/tic" libraries="$PREFIX/lib"
if [[ "$CONDA_BUILD_CROSS_COMPILATION" == 1 ]]; then
  mkdir native
  (
    cd native
    env -u host_alias -u CPPFLAGS -u LDFLAGS -u AR -u AS -u LD -u NM -u RANLIB -u STRIP -u OBJCOPY CC="$CC_FOR_BUILD" CFLAGS=-O1 ../configure --build="$BUILD" --without-shared \
      --with-normal --without-debug --without-ada --without-cxx --without-cxx-binding --without-manpages --without-tests --enable-widec
    make -C include && make -C ncurses && make -C progs tic
  )
  tic="$PWD/native/progs/tic" libraries=""
fi

# install -s would call this machine's strip, whatever the files are for.
./configure --prefix="$PREFIX" --disable-stripping \
  --with-shared --without-normal --without-debug \
  --enable-widec --enable-overwrite --with-termlib \
  --without-ada --without-cxx --without-cxx-binding --without-manpages --without-tests \
  --with-terminfo-dirs="$PREFIX/share/terminfo:/etc/terminfo:/lib/terminfo:/usr/share/terminfo" \
  --enable-pc-files --with-pkg-config-libdir="$PREFIX/lib/pkgconfig"
make -j"$CPU_COUNT"
make install.libs install.includes install.progs

# Terminals that people sit at. The other 2,700 of the database can be had by tic.
terminals=ansi,cygwin,dumb,linux,vt52,vt100,vt102,vt220,pcansi,sun
terminals=$terminals,xterm,xterm-16color,xterm-256color,xterm-color,xterm-direct,xterm-mono,xterm-vt220,xterm-kitty
terminals=$terminals,screen,screen-256color,screen-bce,screen.xterm-256color,tmux,tmux-256color
terminals=$terminals,rxvt,rxvt-unicode,rxvt-unicode-256color,alacritty,foot,gnome,gnome-256color,konsole,konsole-256color,putty,st,st-256color,vte,vte-256color
mkdir -p "$PREFIX/share/terminfo"
LD_LIBRARY_PATH="$libraries" TERMINFO="$PREFIX/share/terminfo" \
  "$tic" -x -e "$terminals" misc/terminfo.src
cp -r misc/tabset "$PREFIX/share/"

# Whoever asks for the narrow names gets the wide libraries.
for name in ncurses tinfo form menu panel; do
  ln -s "lib${name}w.so" "$PREFIX/lib/lib$name.so"
  ln -s "${name}w.pc" "$PREFIX/lib/pkgconfig/$name.pc"
done
ln -s libncursesw.so "$PREFIX/lib/libcurses.so"

# What others are told to link with: the libraries, none of the flags of this build.
sed -i -E -e "s# -Wl,[^ ]+##g" -e "s# -L$PREFIX/lib##g" -e 's#^Libs: *#Libs: -L${libdir} #' "$PREFIX"/lib/pkgconfig/*w.pc
sed -i -E "/^for opt in /{s# -Wl,[^ ]+##g; s# -L$PREFIX/lib##g}" "$PREFIX"/bin/ncursesw6-config
