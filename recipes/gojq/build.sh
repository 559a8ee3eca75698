#!/bin/bash
set -euo pipefail

export CGO_ENABLED=0
bin=$PREFIX/bin
if [[ $target_platform == win-* ]]; then bin=$LIBRARY_BIN; fi
go build -trimpath -buildvcs=false -ldflags "-s -w" -o "$bin/gojq$(go env GOEXE)" ./cmd/gojq

# The program holds these modules too: their licences go with it.
mkdir -p library_licenses
go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}' ./cmd/gojq | sort -u |
while read -r path folder; do
  for file in "$folder"/LICENSE* "$folder"/COPYING*; do
    if [ -f "$file" ]; then
      install -m 644 "$file" "library_licenses/${path//\//_}_$(basename "$file")"
    fi
  done
done
