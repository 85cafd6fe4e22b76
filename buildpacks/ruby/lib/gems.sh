# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # variables that are not local come from, or are for, bin/compile; backticks are for people
# The app's gems: installed with bundler from Gemfile.lock, kept from build to build, cleaned for the slug.

# Ruby brings a bundler. The locked one is got only when that is of another major version: within one they read the
# same lock.
install_bundler() {
  local wanted have
  wanted=$(sed -n '/^BUNDLED WITH/{n;s/ //gp}' "$build_dir/Gemfile.lock")
  have=$(cd "$work" && bundle --version | grep -oE '[0-9]+(\.[0-9]+)+' | head -n 1)
  export BUNDLE_APP_CONFIG=$build_dir/.bundle BUNDLE_USER_HOME=$cache/bundle-home BUNDLE_VERSION=system
  if [ -n "$wanted" ] && [ "${wanted%%.*}" != "${have%%.*}" ] && [ "${have%%.*}" -lt "${wanted%%.*}" ]; then
    warn "Warning: Gemfile.lock was written by bundler $wanted; $have, which comes with Ruby $ruby_version, is used."
  fi
  bundler_version=$have
}

has_gem() { grep -qE "^    $1 \(" "$build_dir/Gemfile.lock"; }

install_gems() {
  local local_only=() without
  without=$(config BUNDLE_WITHOUT development:test)
  if [ -d "$build_dir/vendor/bundle" ]; then
    warn 'Warning: vendor/bundle is checked into source control.' 'Remove it (`git rm -r --cached vendor/bundle`): gems are installed here, for this system.'
    rm -rf "$build_dir/vendor/bundle"
  fi
  ! grep -qE '^    (sqlite3) \(' "$build_dir/Gemfile.lock" || ! grep -qE "^[[:space:]]*gem ['\"]sqlite3" "$build_dir/Gemfile" ||
    warn 'Warning: This app uses sqlite3. The files of a dyno are gone when it restarts; use a database that stays.'
  if grep -qE '^  (x64-mingw|x86-mingw|mswin)' "$build_dir/Gemfile.lock" && ! grep -qE '^  (ruby|x86_64-linux)' "$build_dir/Gemfile.lock"; then
    warn 'Warning: Gemfile.lock is for Windows only.' 'Run `bundle lock --add-platform x86_64-linux`, commit Gemfile.lock and push again.'
  fi
  # With every gem in vendor/cache nothing is asked of a server.
  ! compgen -G "$build_dir/vendor/cache/*.gem" > /dev/null || local_only=(--local)
  export BUNDLE_PATH=$build_dir/vendor/bundle BUNDLE_DEPLOYMENT=1 BUNDLE_WITHOUT=$without BUNDLE_FROZEN=1
  restore_gems
  heading "Installing dependencies using bundler $bundler_version"
  line "Running: BUNDLE_WITHOUT='$without' BUNDLE_PATH=vendor/bundle BUNDLE_DEPLOYMENT=1 bundle install -j4${local_only:+ --local}"
  run bundle install -j4 --quiet "${local_only[@]}" || {
    local hint=()
    ! grep -q 'frozen\|deployment mode' "$work/run.log" || hint=('' 'Gemfile and Gemfile.lock do not agree. Run `bundle install`, commit Gemfile.lock and push again.')
    explain 'bundle install' "${hint[@]}" '' 'Gems committed with `bundle cache --all` are installed without any network.'
  }
  line 'Cleaning up the bundler cache.'
  run bundle clean || explain 'bundle clean'
  keep_gems
  # Where dynos run the same settings are read from the app's own configuration.
  mkdir -p "$build_dir/.bundle"
  printf -- '---\nBUNDLE_PATH: "vendor/bundle"\nBUNDLE_DEPLOYMENT: "true"\nBUNDLE_WITHOUT: "%s"\nBUNDLE_FROZEN: "true"\n' "$without" > "$build_dir/.bundle/config"
  # Packed gems, and what compiling them left behind, are no part of an app.
  rm -rf "$build_dir"/vendor/bundle/ruby/*/cache
  find "$build_dir/vendor/bundle" -name '*.o' -delete 2> /dev/null || true
}

restore_gems() {
  if [ "$(cat "$cache/gems-of" 2> /dev/null)" = "$ruby_version $ruby_from $STACK" ] && [ -d "$cache/gems" ]; then
    heading 'Restoring gems of the last build'
    mkdir -p "$build_dir/vendor"
    cp -a "$cache/gems" "$build_dir/vendor/bundle"
  fi
}

keep_gems() {
  rm -rf "$cache/gems"
  [ -d "$build_dir/vendor/bundle" ] || return 0
  cp -a "$build_dir/vendor/bundle" "$work/gems"
  mv "$work/gems" "$cache/gems"
  echo "$ruby_version $ruby_from $STACK" > "$cache/gems-of"
}

# Rails' assets. A secret is needed to load the app, and any will do.
precompile_assets() {
  { has_gem sprockets || has_gem propshaft; } && [ -f "$build_dir/Rakefile" ] && [ ! -f "$build_dir/public/assets/.sprockets-manifest.json" ] || return 0
  export SECRET_KEY_BASE_DUMMY=1
  if ! with_config run_in_build_dir bundle exec rake -P > "$work/rake.log" 2>&1; then
    warn 'Warning: `rake -P` did not succeed, so assets were not compiled.' "$(tail -n 1 "$work/rake.log")"
    return
  fi
  grep -q '^rake assets:precompile$' "$work/rake.log" || return 0
  heading 'Preparing app for Rails asset pipeline'
  line 'Running: rake assets:precompile'
  [ -n "$(config SECRET_KEY_BASE)" ] || export SECRET_KEY_BASE=${SECRET_KEY_BASE:-$(head -c 64 /dev/urandom | od -An -tx1 | tr -d ' \n')}
  run bundle exec rake assets:precompile || fail 'Error: Precompiling assets failed.' 'What went wrong stands above.'
  rm -rf "$build_dir/tmp/cache/assets"
}
