
if [[ -z $asked || $asked == 1 || ! -w $tokens ]]; then plain "$@"; fi
version=$("$real" --version 2>/dev/null)
case $version in
  'GNU Make 3.'* | 'GNU Make 4.'[0-3] | 'GNU Make 4.'[0-3][!0-9]*) old=yes ;;
  'GNU Make '*) old= ;;
  *) plain "$@" ;;
esac
if ((asked > 0 && asked < size)); then hold "$asked"; fi
unset FORGE_JOBS
if [[ -z $old ]]; then share "--jobserver-auth=fifo:$tokens"; fi
exec {r}<>"$tokens" {w}<>"$tokens"
case $version in
  'GNU Make 3.'* | 'GNU Make 4.'[01]*) share "--jobserver-fds=$r,$w" ;;
esac
share "--jobserver-auth=$r,$w"
