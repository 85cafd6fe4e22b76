# shellcheck shell=bash
# shellcheck disable=SC2154 # variables that are not local come from bin/compile
# Which Python the app gets, and from where: the stack's own when it is of the line asked for, else a build of
# python-build-standalone out of runtimes.tsv.

# What an app gets that does not say, where the stack has no Python of its own.
default_python=3.14

# column VERSION N: one cell of runtimes.tsv.
column() { awk -F '\t' -v version="$1" -v n="$2" '$1 == version { print $n }' "$buildpack_dir/runtimes.tsv"; }

# The stack's own Python, when dynos have it too: the stack lists what both of its images carry.
stack_version() {
  [ -x /usr/bin/python3 ] && [ -f /etc/mypaas/runtimes ] || return 0
  awk '$1 == "python" { print $2 }' /etc/mypaas/runtimes
}

# What the app asks for: sets asked ("3.12" or "3.12.3") and asked_in; both empty when it does not say.
read_request() {
  asked='' asked_in=''
  if [ -f "$build_dir/.python-version" ]; then
    asked=$(sed 's/#.*//' "$build_dir/.python-version" | tr -d ' \t\r' | grep . || true)
    [ -z "$asked" ] || asked_in=.python-version
    [ "$(wc -l <<< "$asked")" -le 1 ] || fail 'Error: Invalid Python version in .python-version.' '' \
      'Multiple versions were found. Name one, such as 3.12, and no more.'
  fi
  if [ -z "$asked" ] && [ -f "$build_dir/runtime.txt" ]; then
    asked=$(tr -d ' \t\r\n' < "$build_dir/runtime.txt")
    [[ $asked == python-* ]] || fail 'Error: Invalid Python version in runtime.txt.' '' \
      "It says '$asked' and should be of the form python-3.12 (better: a .python-version file with 3.12)."
    asked=${asked#python-} asked_in=runtime.txt
  fi
  asked=${asked#python-}
  [[ $asked =~ ^(3\.[0-9]+(\.[0-9]+)?)?$ ]] || fail "Error: Invalid Python version in $asked_in." '' \
    "It says '$asked' and should be a major version, such as 3.12, or an exact one, such as 3.12.3."
}

# newest REQUEST: the newest version in the table that is REQUEST or of its line.
newest() { awk -F '\t' -v asked="$1" '/^[0-9]/ && !found && index($1 ".", asked ".") == 1 { print $1; found = 1 }' "$buildpack_dir/runtimes.tsv"; }

available() { awk -F '[.\t]' '/^[0-9]/ && !seen[$2]++ { printf "%s%s.%s", (n++ ? ", " : ""), $1, $2 }' "$buildpack_dir/runtimes.tsv"; }

# Decides: sets python_version (x.y.z) and python_from (stack or table).
choose_runtime() {
  local own
  own=$(stack_version)
  if [ -n "$own" ] && { [ -z "$asked" ] || [[ $own. == "$asked".* ]]; }; then
    python_version=$own python_from=stack
  else
    python_version=$(newest "${asked:-$default_python}") python_from=table
  fi
  if [ -n "$asked" ]; then
    heading "Using Python $asked specified in $asked_in"
  else
    heading "No Python version was specified. Using the buildpack default: Python ${python_version%.*}"
    line 'Name one in a .python-version file, so that a later release does not surprise you.'
  fi
  [ -n "$python_version" ] || fail "Error: Python $asked (from $asked_in) is not available." '' \
    "This buildpack knows Python $(available)${own:+; the $STACK stack itself has Python $own}." \
    "Change $asked_in and push again."
}

link_home() { [ "$build_dir/.heroku" -ef /app/.heroku ] || ln -sfn "$build_dir/.heroku/python" "$python_home"; }

# Makes /app/.heroku/python (the name it has where dynos run, a link into BUILD_DIR here) hold Python.
install_runtime() {
  heading "Installing Python $python_version"
  if [ "$python_from" = stack ]; then
    line "It is the $STACK stack's own"
    # venv refuses to be made through a link: make it in its final place, then put it into the app.
    rm -rf "$python_home"
    /usr/bin/python3 -m venv "$python_home" > "$work/venv.log" 2>&1 || {
      indent < "$work/venv.log"
      fail 'Error: The virtual environment could not be made.'
    }
    [ "$build_dir/.heroku" -ef /app/.heroku ] || mv "$python_home" "$build_dir/.heroku/python"
    link_home
  else
    download_runtime
  fi
}

download_runtime() {
  local archive=$work/python.tar.gz url status=0 sha256 own
  url=$dist_base/$(column "$python_version" 2)
  own=$(stack_version)
  if [ "$(uname -m)" != x86_64 ]; then
    fail "Error: Python $python_version cannot be installed: the table of this buildpack is for x86_64 only."
  fi
  curl -fsSL --connect-timeout 5 --speed-limit 1000 --speed-time 20 --max-time 600 -o "$archive" "$url" 2> "$work/curl.log" || status=$?
  [ "$status" -eq 0 ] || fail "Error: Python ${asked:-$python_version}${asked_in:+ (from $asked_in)} is not available here." '' \
    "Python $python_version could not be downloaded from" "  $dist_base" \
    "($(tail -n 1 "$work/curl.log" | sed 's/^curl: //'))." '' \
    "${own:+The $STACK stack itself has Python $own: \`echo ${own%.*} > .python-version\`, commit and push to use it.}" \
    'An admin can point PYTHON_DIST_BASE at a mirror of python-build-standalone.'
  sha256=$(sha256sum "$archive" | cut -d ' ' -f 1)
  [ "$sha256" = "$(column "$python_version" 3)" ] || fail "Error: The Python $python_version from $dist_base is not the released one." '' \
    "Its SHA-256 is $sha256," "and should be  $(column "$python_version" 3)."
  rm -rf "$build_dir/.heroku/python"
  mkdir "$work/unpacked" "$build_dir/.heroku/python"
  tar -xzf "$archive" --strip-components=1 --no-same-owner -C "$build_dir/.heroku/python"
  rm "$archive"
  # Python's own tests and the documentation are no part of an app.
  rm -rf "$build_dir"/.heroku/python/share "$build_dir"/.heroku/python/lib/python3*/test
}
