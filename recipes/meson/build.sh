#!/bin/bash
set -euo pipefail

# Pure Python: the package is its files. The entry point is in the recipe.
site=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
info=$site/meson-$PKG_VERSION.dist-info
mkdir -p "$info"
cp -r mesonbuild "$site/"
find "$site/mesonbuild" -name __pycache__ -prune -exec rm -r {} +

install -m 644 PKG-INFO "$info/METADATA"
printf '[console_scripts]\nmeson = mesonbuild.mesonmain:main\n' > "$info/entry_points.txt"
echo forge > "$info/INSTALLER"
