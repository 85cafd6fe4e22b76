# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # variables that are not local come from, or are for, bin/compile
# Which Go an app is compiled with, and which of its packages.

# directive NAME: what a `// +heroku NAME ...` line of go.mod says.
directive() { sed -n "s|^//[[:space:]]*+heroku[[:space:]]\{1,\}$1[[:space:]]\{1,\}||p" "$build_dir/go.mod" | tr -d '\r' | head -n 1; }

# What the app asks for: sets asked (1.25, or 1.25.3), asked_in, and exact when it must be that and not a newer one.
read_request() {
  exact=1
  asked=$(config GOVERSION) asked_in=GOVERSION
  [ -n "$asked" ] || { asked=$(directive goVersion) asked_in='go.mod (+heroku goVersion)'; }
  if [ -z "$asked" ]; then
    # The language version is the oldest that will do; the toolchain is what the authors use.
    exact='' asked_in=go.mod
    asked=$(awk '$1 == "toolchain" { print $2 }' "$build_dir/go.mod" | tr -d '\r')
    [ -n "$asked" ] || asked=$(awk '$1 == "go" { print $2 }' "$build_dir/go.mod" | tr -d '\r')
  fi
  asked=${asked#go}
  [[ $asked =~ ^(1\.[0-9]+(\.[0-9]+)?)?$ ]] || fail "Error: '$asked' in $asked_in is not a version of Go." '' 'It should be of the form go1.25 or go1.25.3.'
}

# satisfies VERSION: whether that version is what the app asks for.
satisfies() {
  if [ -z "$asked" ]; then return 0; fi
  if [ -n "$exact" ]; then [[ $1. == "$asked".* ]]; else at_least "$1" "$asked"; fi
}

# choose_version: the one of the table: the newest of the line asked for, else, where newer ones will do, the newest.
choose_version() {
  local table=$buildpack_dir/runtimes.tsv line=$asked found
  [ -n "$exact" ] || line=$(cut -d . -f 1,2 <<< "$asked")
  [ -n "$asked" ] || line=1
  found=$(newest_of "$table" "$line")
  if [ -z "$exact" ] && { [ -z "$found" ] || ! at_least "$found" "${asked:-1}"; }; then
    found=$(newest_of "$table" 1)
    at_least "${found:-0}" "${asked:-1}" || found=''
  fi
  echo "$found"
}

install_runtime() {
  local own base
  own=$(stack_runtime go)
  if [ -n "$own" ] && satisfies "$own"; then
    heading "Using go$own of the $STACK stack${asked:+ (go $asked in $asked_in)}"
    return
  fi
  only_x86 Go
  go_version=$(choose_version)
  [ -n "$go_version" ] || fail "Error: Go $asked (from $asked_in) is not available." '' \
    "This buildpack knows Go $(lines_of "$buildpack_dir/runtimes.tsv" 2)${own:+; the $STACK stack itself has Go $own}."
  heading "Using go$go_version${asked:+ (go $asked in $asked_in)}"
  base=$(config GO_DIST_BASE https://dl.google.com/go)
  fetch_runtime go "$go_version" "${base%/}/go$go_version.linux-amd64.tar.gz" "$(cell "$buildpack_dir/runtimes.tsv" "$go_version" 2)" ||
    fail "Error: Go ${asked:-$go_version}${asked:+ (from $asked_in)} is not available here." '' \
      "Go $go_version could not be downloaded from ${base%/}." \
      "${own:+The $STACK stack itself has Go $own: an app whose go.mod says \`go ${own%.*}\` or older is built with it.}" \
      'An admin can point GO_DIST_BASE at a mirror.'
  export GOROOT=$runtime_dir PATH="$runtime_dir/bin:$PATH"
}

# Sets packages: what is installed. Heroku's rules: as named; else every command; else the module itself.
choose_packages() {
  local spec
  spec=$(config GO_INSTALL_PACKAGE_SPEC "$(directive install)")
  if [ -n "$spec" ]; then
    read -r -a packages <<< "$spec"
    return
  fi
  mapfile -t packages < <(go list "${mode[@]}" -tags heroku -f '{{ if eq .Name "main" }}{{ .ImportPath }}{{ end }}' ./... 2> "$work/list.log" | grep . || true)
  [ "${#packages[@]}" -gt 0 ] || packages=(.)
}
