#!/bin/bash
set -euo pipefail

install -d "$PREFIX/etc/conda/activate.d"
sed 's/$/\r/' "$RECIPE_DIR/activate.bat" > "$PREFIX/etc/conda/activate.d/tcc_win-64.bat"
