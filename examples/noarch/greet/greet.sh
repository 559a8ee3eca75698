#!/bin/sh
# Prints the greeting of the language that is asked for.
here=$(dirname "$(readlink -f "$0")")
awk -F '\t' -v code="${1:-en}" '$1 == code { print $2; found = 1 } END { exit !found }' \
  "$here/../share/greetings/greetings.tsv"
