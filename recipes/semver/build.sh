#!/bin/bash
set -euo pipefail

# No dependencies and nothing to compile: the package is its files.
folder=$PREFIX/lib/node_modules/semver
mkdir -p "$folder" "$PREFIX/bin"
for part in package.json index.js preload.js range.bnf LICENSE README.md bin classes functions internal ranges; do
  cp -r "$part" "$folder/"
done
chmod 755 "$folder/bin/semver.js"
ln -s ../lib/node_modules/semver/bin/semver.js "$PREFIX/bin/semver"
