# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # variables that are not local come from, or are for, bin/compile; backticks are for people
# The stack's PHP, and the app's packages, with Composer.

# PHP is published as source only, so an app gets the distribution's, which the stack carries; Composer checks whether
# it satisfies what the app and its packages ask for.
choose_runtime() {
  local wanted
  php_version=$(stack_runtime php)
  wanted=$(jq -r '.require?.php? // empty' "$manifest" 2> /dev/null || true)
  [ -n "$php_version" ] || fail "Error: This platform's $STACK stack has no PHP." '' \
    'An admin adds it (and other languages) with: deploy/stack/build --runtimes'
  heading 'Bootstrapping...'
  line "PHP $php_version and nginx $(stack_runtime nginx) are the $STACK stack's own${wanted:+ (require.php: $wanted)}"
  [ -n "$wanted" ] || line 'composer.json does not say which PHP it needs ("require": {"php": "^8.2"})'
  extensions=$(php -m | tr '[:upper:]' '[:lower:]')
}

# Composer runs when there is anything for it to do; a committed vendor folder with the lock's packages is left alone.
install_packages() {
  local packages lock=$build_dir/composer.lock missing
  packages=$(jq '[.require? // {} | keys[] | select(. != "php" and (startswith("ext-") | not))] | length' "$manifest" 2> /dev/null || echo 0)
  missing=$(jq -r '.require? // {} | keys[] | select(startswith("ext-")) | .[4:]' "$manifest" 2> /dev/null |
    while read -r name; do grep -qx "${name/#zend-opcache/zend opcache}" <<< "$extensions" || echo "$name"; done | paste -sd ' ')
  [ -z "$missing" ] || fail "Error: This app needs extensions of PHP that the $STACK stack does not have: $missing" '' \
    "It has: $(grep -v '^\[' <<< "$extensions" | grep . | paste -sd ' ')"
  if [ "$packages" -gt 0 ] && [ ! -f "$lock" ]; then
    fail 'Error: There is no composer.lock.' '' 'Run `composer update` locally, commit composer.lock and push again.'
  fi
  export COMPOSER_HOME=$cache/composer-home COMPOSER_CACHE_DIR=$cache/composer COMPOSER_NO_INTERACTION=1 COMPOSER_ALLOW_SUPERUSER=0
  export COMPOSER_MIRROR_PATH_REPOS=1 COMPOSER_PROCESS_TIMEOUT=0
  mkdir -p "$COMPOSER_HOME"
  [ -z "$(config COMPOSER_AUTH)" ] || line 'Using COMPOSER_AUTH'
  if [ ! -f "$lock" ]; then
    # Nothing to install, but an app may still have classes of its own to load.
    if jq -e '(.autoload? // {}) != {} or (.scripts? // {}) != {}' "$manifest" > /dev/null 2>&1; then
      heading 'Running: composer dump-autoload --optimize'
      run composer dump-autoload --no-dev --optimize --no-ansi || explain 'composer dump-autoload'
    fi
    return
  fi
  if [ -d "$build_dir/vendor/composer" ]; then
    warn 'Warning: Your Composer vendor folder is checked into source control.' 'What is in it is used where it is what composer.lock names.' \
      'Better: `git rm -r --cached vendor`, and add it to .gitignore.'
  fi
  heading 'Installing dependencies...'
  line "Running: composer install --no-dev --prefer-dist --optimize-autoloader ($(composer --version --no-ansi 2> /dev/null | head -n 1))"
  run composer install --no-dev --prefer-dist --optimize-autoloader --no-interaction --no-progress --no-ansi || {
    local hint=()
    if grep -q 'does not satisfy that requirement\|your php version' "$work/run.log"; then
      hint=('' "PHP here is $php_version. Require that in composer.json, run \`composer update\`, commit both files and push again.")
    elif grep -q 'lock file is not up to date\|is not present in the lock file' "$work/run.log"; then
      hint=('' 'composer.json and composer.lock do not agree. Run `composer update`, commit composer.lock and push again.')
    fi
    explain 'composer install' "${hint[@]}"
  }
  # `compile` is Heroku's name for a script run at the end of a build.
  if jq -e '.scripts?.compile?' "$manifest" > /dev/null 2>&1; then
    heading 'Running: composer compile'
    run composer run-script --no-dev --no-ansi compile || explain 'composer compile'
  fi
}
