#!/bin/bash
set -euo pipefail

# One file of C and four to copy: no build system is needed for that.
ask() { "$PYTHON" -c "import sysconfig; print(sysconfig.$1)"; }
site=$(ask 'get_path("purelib")')
suffix=$(ask 'get_config_var("EXT_SUFFIX")')
include=$(ask 'get_path("include")')

install -d "$site/markupsafe" "$site/MarkupSafe-$PKG_VERSION.dist-info"
"$CC" $CPPFLAGS $CFLAGS -I"$include" -shared -o "$site/markupsafe/_speedups$suffix" src/markupsafe/_speedups.c $LDFLAGS
install -m 644 src/markupsafe/*.py src/markupsafe/*.pyi src/markupsafe/py.typed "$site/markupsafe/"

cd "$site/MarkupSafe-$PKG_VERSION.dist-info"
install -m 644 "$SRC_DIR/PKG-INFO" METADATA
echo forge > INSTALLER
