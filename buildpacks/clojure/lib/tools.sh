# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # variables that are not local come from, or are for, bin/compile; backticks are for people
# Clojure's own tools (`clojure`, `clj`), for projects with a deps.edn.

# Installs them under the path they have where dynos run: their scripts name it.
install_tools() {
  local version base table=$buildpack_dir/tools.tsv file home=/app/.heroku/clj
  version=$(config CLOJURE_CLI_VERSION "$(rows "$table" | head -n 1 | cut -f 1)")
  [ -n "$(cell "$table" "$version" 2)" ] || fail "Error: Clojure's tools $version (CLOJURE_CLI_VERSION) are not available." '' \
    "This buildpack knows $(rows "$table" | cut -f 1 | paste -sd , | sed 's/,/, /g')."
  heading "Installing Clojure $version CLI tools"
  base=$(config CLOJURE_DIST_BASE https://github.com/clojure/brew-install/releases/download)
  fetch_runtime clojure-tools "$version" "${base%/}/$version/clojure-tools-$version.tar.gz" "$(cell "$table" "$version" 2)" ||
    fail "Error: Clojure's tools could not be downloaded from ${base%/}." '' 'An app with a project.clj is built with Leiningen instead.' \
      'An admin can point CLOJURE_DIST_BASE at a mirror.'
  rm -rf "$build_dir/.heroku/clj"
  mkdir -p "$build_dir"/.heroku/clj/{bin,libexec}
  for file in deps.edn example-deps.edn tools.edn; do
    [ ! -f "$runtime_dir/$file" ] || cp "$runtime_dir/$file" "$build_dir/.heroku/clj/"
  done
  cp "$runtime_dir"/*.jar "$build_dir/.heroku/clj/libexec/"
  sed "s#PREFIX#$home#g" "$runtime_dir/clojure" > "$build_dir/.heroku/clj/bin/clojure"
  sed "s#BINDIR#$home/bin#g" "$runtime_dir/clj" > "$build_dir/.heroku/clj/bin/clj"
  chmod +x "$build_dir"/.heroku/clj/bin/*
  if [ ! "$build_dir/.heroku" -ef /app/.heroku ]; then
    mkdir -p /app/.heroku
    ln -sfn "$build_dir/.heroku/clj" "$home"
  fi
  export PATH="$home/bin:$PATH" CLJ_CONFIG=$work/clojure
  # tools.deps reads Maven's settings.
  if [ -n "$mirror" ]; then
    printf '<settings><mirrors><mirror><id>mirror</id><mirrorOf>*</mirrorOf><url>%s</url></mirror></mirrors></settings>\n' "$mirror" > "$cache/m2/settings.xml"
  else
    rm -f "$cache/m2/settings.xml"
  fi
}

build_with_tools() {
  local default=(clojure -P)
  if [ -f "$build_dir/build.clj" ] && grep -qE '^[^;]*:build\b' "$build_dir/deps.edn"; then
    default=(clojure -T:build uber)
  fi
  heading 'Building with the Clojure CLI tools'
  choose_command "${default[@]}"
  line "Running: ${command[*]}"
  run "${command[@]}" || explain "${command[*]}"
  one_jar=$(find_jar)
  [ -n "$one_jar" ] || [ -f "$build_dir/Procfile" ] || warn 'Warning: No jar was built, and there is no Procfile.' \
    'Say in a Procfile what the web process is (web: clojure -M -m my.app), or make a jar: build.clj with a function `uber`, and an alias :build.'
  # Without them in the app, only a jar can be started.
  [ -z "$one_jar" ] || rm -rf "$build_dir/.heroku/clj"
}
