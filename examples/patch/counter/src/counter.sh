#!/bin/sh
# Counts from 1 to its argument.
i=1
while [ "$i" -lt "${1:-10}" ]; do
  echo "$i"
  i=$((i + 1))
done
