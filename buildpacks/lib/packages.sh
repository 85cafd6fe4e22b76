# shellcheck shell=bash
# shellcheck disable=SC2154 # variables that are not local come from begin.sh
# Packages of the distribution, for what a stack lacks and nobody else publishes in binary form.

# fetch_packages NAME FOLDER PACKAGE...: unpacks packages of the archive the stack was made from into FOLDER, with those
# they need beyond what the stack has. apt checks the archive's signature; nothing is installed, so no root is needed.
fetch_packages() {
  local name=$1 into=$2 state=$work/apt options
  mkdir -p "$state/lists/partial" "$cache/apt-$name/partial" "$into"
  options=(-o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state" -o "Dir::Cache::archives=$cache/apt-$name" -o Debug::NoLocking=true -o APT::Sandbox::User=)
  { apt-get "${options[@]}" -qq update && apt-get "${options[@]}" -qq -y --no-install-recommends --download-only install "${@:3}"; } > "$work/apt.log" 2>&1 || {
    indent < "$work/apt.log"
    fail "Error: $name could not be had from the distribution's archive."
  }
  find "$cache/apt-$name" -maxdepth 1 -name '*.deb' -exec dpkg-deb -x {} "$into" \;
  rm -rf "$into"/usr/share/{doc,man,lintian}
}
