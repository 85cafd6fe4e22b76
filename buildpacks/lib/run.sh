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
