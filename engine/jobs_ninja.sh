
for a in "$@"; do
  if [[ $a == -t* || $a == -h || $a == --version ]]; then plain "$@"; fi
done
if [[ $asked == 1 || ! -w $tokens ]]; then plain "$@"; fi
version=$("$real" --version 2>/dev/null)
case $version in
  1.[0-9].* | 1.1[0-2].*) hold "${asked:-@DEFAULT@}" ;;
esac
if [[ ! $version =~ ^[0-9]+\. ]]; then plain "$@"; fi
if ((asked > 0 && asked < size)); then hold "$asked"; fi
asked=${asked:-0}
export FORGE_JOBS=ninja
share "--jobserver-auth=fifo:$tokens"
