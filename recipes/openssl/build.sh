#!/bin/bash
set -euo pipefail

./Configure linux-x86_64 --prefix="$PREFIX" --libdir=lib --openssldir="$PREFIX/ssl" \
  shared threads enable-ktls no-tests no-zlib

# Every file would be compiled twice, the second time for archives that are not packaged. This make takes them for
# made; makes below it do not inherit that, but they are called by this name, too.
ar crs libcrypto.a
ar crs libssl.a
printf '#!/bin/sh\nexec make -o libcrypto.a -o libssl.a "$@"\n' > shared-make
chmod +x shared-make
./shared-make MAKE="$PWD/shared-make" -j"$CPU_COUNT" build_sw
./shared-make MAKE="$PWD/shared-make" install_sw install_ssldirs

rm "$PREFIX"/lib/lib{crypto,ssl}.a
rm -r "$PREFIX/ssl/misc" "$PREFIX"/ssl/*.dist "$PREFIX/bin/c_rehash"
