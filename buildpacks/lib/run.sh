# shellcheck shell=bash
# shellcheck disable=SC2154 # work and build_dir come from begin.sh
# The app's own tools, run in the app's folder.

# run COMMAND...: with the app's config vars, its output shown as it comes; kept in $work/run.log for explain.
run() {
  with_config run_in_build_dir "$@" < /dev/null 2>&1 | tee "$work/run.log" | indent
}

run_in_build_dir() {
  cd "$build_dir" || return
  "$@"
}

# explain WHAT [HINT...]: ends the build after a failed run, with the usual reasons where the output shows one.
explain() {
  local what=$1 hint=("${@:2}")
  if grep -qiE 'certificate verify failed|self.signed certificate|CertificateUnknown|unable to find valid certification path|SSL certificate problem|x509: certificate|UnknownIssuer' "$work/run.log"; then
    hint+=('' 'If this network replaces certificates with its own, the admin of this platform' 'names them in build.extra_ca_file.')
  elif grep -qiE 'could not resolve host|name resolution|no such host|network is unreachable|UnknownHostException|unknown host|could not fetch specs|getaddrinfo|Could not transfer artifact' "$work/run.log"; then
    hint+=('' 'A server with packages could not be reached. Pushing again may help.')
  fi
  fail "Error: \`$what\` did not succeed." 'What went wrong stands above.' "${hint[@]}"
}

# run_hook NAME: an app's own script, bin/NAME, where a language's buildpack on Heroku runs it; it sees config vars.
run_hook() {
  [ -f "$build_dir/bin/$1" ] || return 0
  heading "Running bin/$1 hook"
  chmod +x "$build_dir/bin/$1"
  with_config run_in_build_dir "bin/$1" < /dev/null 2>&1 | indent || fail "Error: Failed to run the bin/$1 script." '' \
    "We found a 'bin/$1' script in your app source, so ran it to allow for customisation of the build process." '' \
    'However, this script exited with a non-zero exit status.' '' 'Fix any errors output by your script above, or remove or rename it.'
}
