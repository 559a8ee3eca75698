#!/bin/bash
set -euo pipefail

# Ours, from the build environment: the host has no Meson in here.
meson setup build . ${MESON_ARGS} -Dtests=false -Ddefault_library=shared
ninja -C build -j"$CPU_COUNT"
meson install -C build --no-rebuild
