# shellcheck shell=bash
# shellcheck disable=SC2154 # variables that are not local come from bin/compile and runtime.sh
# The app's packages: installed with npm, kept from build to build, pruned for the slug.

# Other package managers' lock files, and two locks at once, end the build before anything is downloaded.
check_lock_files() {
  local file other=''
  lock=''
  for file in npm-shrinkwrap.json package-lock.json; do
    if [ -f "$build_dir/$file" ]; then lock=$file; break; fi
  done
  for file in yarn.lock pnpm-lock.yaml bun.lock bun.lockb; do
    [ ! -f "$build_dir/$file" ] || other=$file
  done
  [ -n "$other" ] || return 0
  if [ -n "$lock" ]; then
    fail "Error: Build failed because two different lockfiles were detected: $lock and $other" '' \
      'Only one lockfile should be committed, so that every build installs the same packages.' \
      "This buildpack installs with npm: to use it, run \`git rm $other\` and commit."
  fi
  fail "Error: This app is locked with $other, and this buildpack installs packages with npm only, so far." '' \
    'To build it with npm:' "  git rm $other" '  npm install' "  git add package-lock.json && git commit -m 'Lock with npm'"
}

# has_script NAME...: whether package.json has any of them.
has_script() { jq -e --args '(.scripts // {}) as $s | any($ARGS.positional[]; $s[.] != null and $s[.] != "")' "$@" < "$build_dir/package.json" > /dev/null; }

# run_npm ARGUMENT...: npm with the app's config vars, in the app's folder, its output shown as it comes. Kept in
# $work/npm.log for explain_failure.
run_npm() {
  with_config run_in_build_dir npm "$@" < /dev/null 2>&1 | tee "$work/npm.log" | indent
}

run_in_build_dir() {
  cd "$build_dir" || return
  "$@"
}

explain_failure() {
  local hint=()
  if grep -qE 'SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER_CERT|VERIFY_LEAF)|Exit handler never called|CERT_HAS_EXPIRED' "$work/npm.log"; then
    hint=('' 'If this network replaces certificates with its own, the admin of this platform' 'names them in build.extra_ca_file.')
  elif grep -qE 'can only install packages when your package(-lock)?\.json|in sync' "$work/npm.log"; then
    hint=('' "$lock and package.json do not agree. Run \`npm install\`, commit $lock and push again.")
  elif grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT' "$work/npm.log"; then
    hint=('' 'The npm registry could not be reached. Pushing again may help.')
  elif grep -qE 'JavaScript heap out of memory' "$work/npm.log"; then
    hint=('' 'The build ran out of memory.')
  fi
  fail "Error: Build failed: \`$1\` did not succeed." "What went wrong stands above." "${hint[@]}"
}

# What decides which packages get installed. The same key means the same node_modules.
modules_key() {
  cd "$build_dir" || return
  {
    echo "$node_version $npm_version $STACK"
    cat package.json "$lock"
    cat .npmrc 2> /dev/null || true
    for file in "$env_dir"/[Nn][Pp][Mm]_[Cc][Oo][Nn][Ff][Ii][Gg]_* "$env_dir/NODE_ENV"; do
      [ ! -f "$file" ] || { echo "${file##*/}"; cat "$file"; }
    done
  } | sha256sum | cut -d ' ' -f 1
}

# Whether an earlier node_modules may stand for a fresh install: only with a lock, and when nothing is run or linked
# during the install, because such things also leave traces outside node_modules.
modules_may_be_reused() {
  [ -n "$lock" ] && [ "$(config NODE_MODULES_CACHE true)" = true ] || return 1
  ! has_script preinstall install postinstall preprepare prepare postprepare || return 1
  jq -e '(.lockfileVersion // 1) >= 2 and (any(.packages[]?; .hasInstallScript or .link) | not)' "$build_dir/$lock" > /dev/null
}

restore_modules() {
  [ -d "$cache/modules/$modules_key" ] || return 1
  rm -rf "$build_dir/node_modules"
  cp -a "$cache/modules/$modules_key" "$build_dir/node_modules"
}

keep_modules() {
  [ -n "$modules_key" ] && [ -d "$build_dir/node_modules" ] && [ ! -d "$cache/modules/$modules_key" ] || return 0
  rm -rf "$cache/modules"
  mkdir -p "$cache/modules"
  cp -a "$build_dir/node_modules" "$work/modules"
  mv "$work/modules" "$cache/modules/$modules_key"
}

# Sets with_dev, without_dev and has_ci for the npm at hand: they were called otherwise before npm 7, and `ci` came with 5.7.
know_npm() {
  with_dev=--include=dev without_dev=--omit=dev has_ci=1
  if [ "${npm_version%%.*}" -lt 7 ]; then
    with_dev=--production=false without_dev=--production
    at_least "$npm_version" 5.7 || has_ci=''
  fi
  # Older ones do not know the variable with the installation's authorities; npm has had a setting for it all along.
  [ -z "${NODE_EXTRA_CA_CERTS:-}" ] || at_least "$node_version" 7.3 || export npm_config_cafile=$NODE_EXTRA_CA_CERTS
}

install_modules() {
  if [ -n "$modules_key" ] && restore_modules; then
    line "node_modules is kept from the last build: $lock, package.json and node are the same"
    return
  fi
  if [ -n "$lock" ] && [ -n "$has_ci" ] && [ "$(config USE_NPM_INSTALL false)" != true ]; then
    line "Installing node modules ($lock)"
    run_npm ci "$with_dev" --prefer-offline || explain_failure 'npm ci'
    return
  fi
  line 'Installing node modules (package.json)'
  run_npm install "$with_dev" --no-package-lock || explain_failure 'npm install'
}

build_app() {
  local script='' flags=()
  if has_script heroku-postbuild; then
    script=heroku-postbuild
  elif has_script build; then
    script=build
    read -r -a flags <<< "$(config NODE_BUILD_FLAGS)"
  fi
  [ -n "$script" ] || return 0
  heading 'Build'
  ! { [ "$script" = heroku-postbuild ] && has_script build; } || line 'Detected both "build" and "heroku-postbuild" scripts'
  line "Running $script${flags[*]:+ (${flags[*]})}"
  [ "${#flags[@]}" -eq 0 ] || flags=(-- "${flags[@]}")
  run_npm run "$script" "${flags[@]}" || explain_failure "npm run $script"
}

prune_modules() {
  heading 'Pruning devDependencies'
  if [ "$(config NPM_CONFIG_PRODUCTION)" = false ]; then
    line "Skipping because NPM_CONFIG_PRODUCTION is 'false'"
  elif [ "$(config NODE_ENV production)" != production ]; then
    line "Skipping because NODE_ENV is not 'production'"
  elif [ ! -d "$build_dir/node_modules" ] || nothing_to_prune; then
    line 'There are none'
  else
    run_npm prune "$without_dev" --ignore-scripts || explain_failure 'npm prune'
  fi
}

nothing_to_prune() {
  jq -e '(.devDependencies // {}) == {} and (.workspaces == null)' "$build_dir/package.json" > /dev/null
}
