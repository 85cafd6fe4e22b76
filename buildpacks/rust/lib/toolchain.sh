# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # variables that are not local come from, or are for, bin/compile
# Which Rust an app is compiled with. rustup gets it, and checks what it gets against the channel's manifest.

# toml_string FILE KEY: the first string that KEY is set to.
toml_string() { sed -n "s/^[[:space:]]*$2[[:space:]]*=[[:space:]]*[\"']\([^\"']*\)[\"'].*/\1/p" "$1" | head -n 1; }

# Sets asked (a toolchain's name, as rustup writes it) and asked_in.
read_request() {
  asked=$(config RUST_VERSION) asked_in=RUST_VERSION
  if [ -z "$asked" ] && [ -f "$build_dir/rust-toolchain.toml" ]; then
    asked=$(toml_string "$build_dir/rust-toolchain.toml" channel) asked_in=rust-toolchain.toml
  elif [ -z "$asked" ] && [ -f "$build_dir/rust-toolchain" ]; then
    # The old form of the file is the bare name.
    asked=$(toml_string "$build_dir/rust-toolchain" channel) asked_in=rust-toolchain
    [ -n "$asked" ] || asked=$(tr -d '[:space:]' < "$build_dir/rust-toolchain")
  fi
  if [ -z "$asked" ]; then
    # The oldest compiler that will do: the newest stable one does.
    oldest=$(toml_string "$build_dir/Cargo.toml" rust-version)
    asked=stable asked_in=''
  fi
  [[ $asked =~ ^(stable|beta|nightly|[0-9]+\.[0-9]+(\.[0-9]+)?)(-[0-9]{4}-[0-9]{2}-[0-9]{2})?(-x86_64-unknown-linux-(gnu|musl))?$ ]] ||
    fail "Error: '$asked' in $asked_in is not a Rust toolchain." '' 'It should be of the form 1.90, 1.90.0 or stable.'
}

# The stack's own, where it has one that fits; else rustup's.
install_toolchain() {
  local own version base file
  own=$(stack_runtime rust)
  if [ -n "$own" ] && { { [ -z "$asked_in" ] && at_least "$own" "${oldest:-0}"; } || [[ $own. == "$asked".* ]]; }; then
    heading "Using Rust $own of the $STACK stack"
    return
  fi
  only_x86 Rust
  version=$(rows "$buildpack_dir/rustup.tsv" | head -n 1 | cut -f 1)
  base=$(config RUSTUP_DIST_SERVER https://static.rust-lang.org) base=${base%/}
  export RUSTUP_HOME=$cache/rustup CARGO_HOME=$cache/cargo RUSTUP_DIST_SERVER=$base RUSTUP_UPDATE_ROOT=$base/rustup
  export RUSTUP_AUTO_INSTALL=0 RUSTUP_TOOLCHAIN=$asked PATH="$cache/cargo/bin:$PATH"
  heading "Installing Rust $asked${asked_in:+ (from $asked_in)}"
  if [ ! -x "$CARGO_HOME/bin/rustup" ] || [ "$(cat "$cache/rustup-version" 2> /dev/null)" != "$version" ]; then
    rm -rf "$RUSTUP_HOME" "${CARGO_HOME:?}/bin"
    file=$work/rustup-init
    fetch "$base/rustup/archive/$version/x86_64-unknown-linux-gnu/rustup-init" "$file" "$(cell "$buildpack_dir/rustup.tsv" "$version" 2)" ||
      fail "Error: Rust could not be downloaded from $base ($fetch_error)." '' 'An admin can point RUSTUP_DIST_SERVER at a mirror.'
    chmod +x "$file"
    run "$file" -y --quiet --no-modify-path --profile minimal --default-toolchain none || explain rustup-init
    echo "$version" > "$cache/rustup-version"
  fi
  # `stable` moves on; a number does not.
  if [[ $asked =~ ^[0-9] ]] && rustup toolchain list 2> /dev/null | grep -q "^$asked-\|^$asked "; then
    line 'It is kept from the last build'
  else
    run rustup toolchain install --profile minimal --no-self-update "$asked" || explain "rustup toolchain install $asked"
  fi
  # One toolchain is kept.
  rustup toolchain list 2> /dev/null | cut -d ' ' -f 1 | while read -r file; do
    [[ $file == "$asked" || $file == "$asked"-* ]] || rustup toolchain uninstall "$file" > /dev/null 2>&1
  done
}
