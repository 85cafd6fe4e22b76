# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # work comes from begin.sh; runtime_dir and fetch_error are for callers
# What a stack has, and what is downloaded when it does not.

# stack_runtime NAME: the version the stack itself has; nothing when it has none.
stack_runtime() { awk -v name="$1" '$1 == name { print $2 }' "${STACK_RUNTIMES:-/etc/mypaas/runtimes}" 2> /dev/null || true; }

# rows TABLE: its lines, without what explains them.
rows() { grep -v '^#' "$1" || true; }

# cell TABLE VERSION N: one cell.
cell() { awk -F '\t' -v version="$2" -v n="$3" '$1 == version { print $n }' "$1"; }

# only_x86 WHAT: every table is for that processor.
only_x86() {
  [ "$(uname -m)" = x86_64 ] || fail "Error: $1 cannot be installed: the table of this buildpack is for x86_64 only."
}

# fetch URL FILE CHECKSUM: downloads; status 1 when it cannot be had (why is in $fetch_error). A file that is not the one
# the table knows (SHA-256, or SHA-512 by its length) ends the build.
fetch() {
  local sum tool=sha256sum
  fetch_error=''
  curl -fsSL --connect-timeout 5 --speed-limit 1000 --speed-time 20 --max-time 900 -o "$2" "$1" 2> "$work/curl.log" || {
    fetch_error=$(tail -n 1 "$work/curl.log" | sed 's/^curl: //')
    return 1
  }
  [ "${#3}" -le 64 ] || tool=sha512sum
  sum=$("$tool" "$2" | cut -d ' ' -f 1)
  [ "$sum" = "$3" ] || fail "Error: What came from $1 is not what was released." '' "Its checksum is $sum," "and should be   $3."
}

# fetch_runtime NAME VERSION URL CHECKSUM: makes $cache/runtime/NAME-VERSION hold the archive's top folder (or, of a program
# that is one jar, NAME.jar); status 1 when it cannot be had. One version of each runtime is kept.
fetch_runtime() {
  local into=$cache/runtime/$1-$2
  runtime_dir=$into
  if [ -d "$into" ]; then
    line "Using $1 $2 from the cache"
    return
  fi
  line "Downloading $1 $2..."
  fetch "$3" "$work/archive" "$4" || {
    line "It cannot be had from $3 ($fetch_error)"
    return 1
  }
  mkdir -p "$work/unpacked" "$cache/runtime"
  if [[ $3 == *.jar ]]; then
    cp "$work/archive" "$work/unpacked/$1.jar"
  else
    tar -xf "$work/archive" --strip-components=1 --no-same-owner -C "$work/unpacked" || return 1
  fi
  rm -rf "$work/archive" "$cache/runtime/$1"-*
  # Renamed at the end, so that a killed build leaves no half.
  mv "$work/unpacked" "$into"
}
