#!/bin/bash -p
# Joins @NAME@ to the jobserver that all builds share, where it is asked for parallel jobs.
jobs=@JOBS@
real=$jobs/@NAME@.real
tokens=$jobs/tokens
size=@SIZE@   # tokens of all builds together

# $(MAKE) is what it would be without us: the bare name where PATH leads here.
self=$0
IFS=:
for dir in $PATH; do
  if [[ -x $dir/@NAME@ ]]; then
    if [[ $dir/@NAME@ == "$0" ]]; then self=@NAME@; fi
    break
  fi
done
unset IFS

# asked is what the last -jN says, 0 for as many as there are; rest is all else.
asked='' rest=() args=("$@")
for ((i = 0; i < $#; i++)); do
  a=${args[i]}
  next=${args[i + 1]-}
  if [[ $a == -- ]]; then
    rest+=("${args[@]:i}")
    break
  elif [[ $a =~ ^--jobs=([0-9]+)$ ]]; then
    asked=${BASH_REMATCH[1]}
  elif [[ $a == --jobs ]]; then
    asked=0
    if [[ $next =~ ^[0-9]+$ ]]; then asked=$next; i=$((i + 1)); fi
  elif [[ $a =~ ^-([@FLAGS@]*)j([0-9]*)$ ]]; then
    asked=${BASH_REMATCH[2]:-0}
    if [[ ${BASH_REMATCH[1]} ]]; then rest+=("-${BASH_REMATCH[1]}"); fi
    if [[ -z ${BASH_REMATCH[2]} && $next =~ ^[0-9]+$ ]]; then asked=$next; i=$((i + 1)); fi
  elif [[ $a =~ ^-[@FLAGS@]*[@VALUED@]$ ]]; then
    rest+=("$a" "$next")
    i=$((i + 1))
  else
    rest+=("$a")
  fi
done

# flags is MAKEFLAGS without a jobserver: the words before -- may name one.
flags='' after=''
if [[ ${MAKEFLAGS-} ]]; then
  before=$MAKEFLAGS
  if [[ " $before" == *' -- '* ]]; then after=" -- ${before#*-- }" before=${before%%-- *}; fi
  for word in $before; do
    case $word in
      -j* | --jobserver-*) ;;
      *) flags+=" $word" ;;
    esac
  done
  if [[ $before != ' '* ]]; then flags=${flags# }; fi
fi

# plain runs the program as it was called. What ninja was told is not for the commands it runs: without
# us they would hear of no jobserver, and an old make does not know ninja's style of it.
plain() {
  if [[ ${FORGE_JOBS-} == ninja ]]; then
    unset FORGE_JOBS
    export MAKEFLAGS="$flags$after"
    if [[ -z $MAKEFLAGS ]]; then unset MAKEFLAGS; fi
  fi
  exec -a "$self" "$real" "$@"
}

# share runs the program as a client of the jobserver, in the style given.
share() {
  local style=$1
  export MAKEFLAGS="$flags -j${asked#0} $style$after"
  exec -a "$self" "$real" "${rest[@]}"
}

# hold is for a program that is no client, or that wants fewer jobs than there are tokens: it gets those
# that are free now, until it ends.
hold() {
  local most=$1 token
  exec {pipe}<>"$tokens"
  for ((n = 1; n < most; n++)); do
    read -r -N 1 -t 0.1 -u "$pipe" token || break
  done
  if [[ ${FORGE_JOBS-} == ninja ]]; then export MAKEFLAGS="$flags$after"; fi
  unset FORGE_JOBS
  "$real" "-j$n" "${rest[@]}" {pipe}>&-
  local code=$?
  for ((; n > 1; n--)); do printf + >&"$pipe"; done
  exit $code
}
