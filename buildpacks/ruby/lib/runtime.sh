# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # variables that are not local come from, or are for, bin/compile
# Which Ruby the app gets, and from where: the stack's own when it fits, else the official source, compiled here.

# What an app gets that does not say, where the stack has no Ruby of its own.
default_ruby=3.4

# The Gemfile's `ruby` line: its constraints, separated by commas.
gemfile_ruby() {
  local text file
  text=$(sed -nE "s/^[[:space:]]*ruby[[:space:](]+(.*)/\1/p" "$build_dir/Gemfile" | head -n 1 | sed 's/#.*//')
  file=$(sed -nE "s/.*file:[[:space:]]*['\"]([^'\"]+)['\"].*/\1/p" <<< "$text")
  if [ -n "$file" ]; then
    version_file "$file"
    return
  fi
  # An engine and its version are no constraint on the language.
  sed -E 's/,?[[:space:]]*:?(engine|engine_version|patchlevel)\b.*//' <<< "$text" | grep -oE "['\"][^'\"]*['\"]" | tr -d "'\"" | paste -sd , || true
}

# version_file FILE: what .ruby-version (or .tool-versions) holds, without what rbenv and asdf allow around it.
version_file() {
  [ -f "$build_dir/$1" ] || return 0
  sed -nE '/^[[:space:]]*#/d; s/^(ruby[ -])?[[:space:]]*([0-9][0-9.]*).*/\2/p' "$build_dir/$1" | head -n 1
}

# Sets asked (constraints: "3.3.6", "~> 3.3.0", ">= 3.2, < 4"), asked_in, and locked: the exact version in Gemfile.lock.
read_request() {
  local file
  asked=$(gemfile_ruby) asked_in=Gemfile
  locked=$(sed -nE '/^RUBY VERSION/,/^$/s/^ +ruby ([0-9]+\.[0-9]+\.[0-9]+).*/\1/p' "$build_dir/Gemfile.lock" | head -n 1)
  if [ -z "$asked" ]; then
    for file in .ruby-version .tool-versions; do
      asked=$(version_file "$file") asked_in=$file
      # `3.3` names a line here, where in a Gemfile it is 3.3.0.
      [[ ! $asked =~ ^[0-9]+\.[0-9]+$ ]] || asked="~> $asked.0"
      [ -z "$asked" ] || break
    done
  fi
  [[ $asked =~ ^[0-9.,\<\>=~!\ ]*$ ]] || fail "Error: '$asked' in $asked_in is not a version of Ruby."
  [ -n "$asked" ] || asked_in=''
}

# choose_version: the table's: the locked one, else the newest that fits.
choose_version() {
  local table=$buildpack_dir/runtimes.tsv
  if [ -n "$locked" ] && fits "$locked" "$asked" && [ -n "$(cell "$table" "$locked" 2)" ]; then
    echo "$locked"
  else
    newest_fitting "$table" "${asked:-~> $default_ruby.0}"
  fi
}

# Sets ruby_version and ruby_from (stack or table), and ruby_path: what PATH begins with, ending in a colon.
install_runtime() {
  local own
  own=$(stack_runtime ruby) ruby_path=''
  if [ -n "$own" ] && fits "$own" "$asked" && { [ -z "$locked" ] || [ "$locked" = "$own" ]; }; then
    use_own
    return
  fi
  ruby_version=$(choose_version) ruby_from=table
  if [ -n "$ruby_version" ]; then
    heading "Using Ruby version: ruby-$ruby_version${asked_in:+ ($asked in $asked_in)}"
    ! have_runtime || return 0
  fi
  # What the lock names is what was last used; what the Gemfile names is what will do.
  if [ -n "$own" ] && fits "$own" "$asked"; then
    [ -z "$locked" ] || warn "Warning: Gemfile.lock names Ruby $locked, which is not available here; $own fits the Gemfile and is used."
    use_own
    return
  fi
  fail "Error: Ruby ${asked:-$default_ruby}${asked_in:+ (from $asked_in)} is not available here." '' \
    "${ruby_version:+Ruby $ruby_version fits, and could not be downloaded.}" \
    "This buildpack knows Ruby $(lines_of "$buildpack_dir/runtimes.tsv" 2)${own:+; the $STACK stack itself has Ruby $own}." \
    'An admin can point RUBY_DIST_BASE at a mirror.'
}

use_own() {
  ruby_version=$own ruby_from=stack
  heading "Using Ruby version: ruby-$own, the $STACK stack's own${asked_in:+ ($asked in $asked_in)}"
}

# Compiles the official source once, and keeps the result. It is installed for the path it has where dynos run.
have_runtime() {
  local into=$cache/runtime/ruby-$ruby_version-$STACK base
  if [ ! -x "$into/bin/ruby" ]; then
    base=$(config RUBY_DIST_BASE https://cache.ruby-lang.org/pub/ruby)
    rm -rf "$cache/runtime"
    mkdir -p "$cache/runtime" "$work/source"
    fetch "${base%/}/${ruby_version%.*}/ruby-$ruby_version.tar.gz" "$work/ruby.tar.gz" "$(cell "$buildpack_dir/runtimes.tsv" "$ruby_version" 2)" || {
      line "It cannot be had from ${base%/} ($fetch_error)"
      return 1
    }
    line 'Compiling it, which takes some minutes; later builds use what is made now'
    tar -xzf "$work/ruby.tar.gz" --strip-components=1 --no-same-owner -C "$work/source"
    (cd "$work/source" && ./configure --prefix=/app/.heroku/ruby --disable-install-doc --enable-load-relative --enable-shared &&
      make -j "$(nproc)" && make install DESTDIR="$work/made") > "$work/run.log" 2>&1 < /dev/null || {
      tail -n 30 "$work/run.log" | indent
      fail "Error: Ruby $ruby_version could not be compiled."
    }
    mv "$work/made/app/.heroku/ruby" "$into"
    rm -rf "$work/source" "$work/made"
  fi
  rm -rf "$build_dir/.heroku/ruby"
  mkdir -p "$build_dir/.heroku"
  cp -a "$into" "$build_dir/.heroku/ruby"
  ruby_path=$build_dir/.heroku/ruby/bin:
  export PATH="$ruby_path$PATH"
}
