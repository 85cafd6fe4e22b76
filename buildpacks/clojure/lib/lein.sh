# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # variables that are not local come from, or are for, bin/compile; dollars and backticks for others
# Leiningen: which one, where libraries come from, and the build.

# Sets needs (the oldest Leiningen that will do) and task.
read_project() {
  needs=$(project_string min-lein-version)
  case $needs in
    '') warn 'Warning: project.clj does not say which Leiningen it is for; the newest is used.' 'Write :min-lein-version "2.0.0" in it.' ;;
    1*) fail 'Error: Leiningen 1.x is no longer supported by this buildpack.' '' \
      'Please upgrade to Leiningen 2.x by setting :min-lein-version in your project.clj:' '' '  :min-lein-version "2.0.0"' ;;
    *[!0-9.]*) fail "Error: '$needs' (:min-lein-version in project.clj) is not a version of Leiningen." ;;
  esac
  if grep -q 'lein-npm' < <(project_text) && ! command -v npm > /dev/null; then
    fail 'Error: Your project.clj references lein-npm but npm is not available.' '' \
      'Add the Node.js buildpack, which brings it:' '  mypaas buildpacks:add --index 1 heroku/nodejs'
  fi
  task='with-profile production compile :all'
  [ -z "$(project_string uberjar-name)" ] || task=uberjar
  task=$(config LEIN_BUILD_TASK "$task")
}

# The distribution's Leiningen, with its jar's link naming its version. It is needed in builds only, so that no list of what
# dynos have, too, knows it.
stack_lein() { { readlink "${STACK_LEIN:-/usr/share/java/leiningen.jar}" || true; } | sed -nE 's/.*leiningen-([0-9.]+)\.jar$/\1/p'; }

# Makes BUILD_DIR/.lein/bin/lein: the app's own bin/lein, else the stack's Leiningen if it is new enough, else a release.
install_lein() {
  local own version base table=$buildpack_dir/lein.tsv jar=${STACK_LEIN:-/usr/share/java/leiningen.jar}
  mkdir -p "$build_dir/.lein/bin"
  export LEIN_HOME=$build_dir/.lein PATH="$build_dir/.lein/bin:$PATH" LEIN_JVM_OPTS=${LEIN_JVM_OPTS:--XX:+TieredCompilation -XX:TieredStopAtLevel=1 -Xmx600m} JVM_OPTS=${JVM_OPTS:--Xmx600m}
  if [ -f "$build_dir/bin/lein" ]; then
    chmod +x "$build_dir/bin/lein"
    export PATH="$build_dir/bin:$PATH"
    heading 'Using vendored Leiningen at bin/lein'
    return
  fi
  own=$(stack_lein)
  if [ -n "$own" ] && [ -f "$jar" ] && at_least "$own" "${needs:-2}"; then
    heading "Using Leiningen $own of the $STACK stack${needs:+ (:min-lein-version $needs)}"
  else
    version=$(rows "$table" | head -n 1 | cut -f 1)
    at_least "$version" "${needs:-2}" || fail "Error: Leiningen $needs (:min-lein-version in project.clj) is not available." '' \
      "This buildpack knows Leiningen $(lines_of "$table" 3)."
    heading "Installing Leiningen $version"
    base=$(config LEIN_DIST_BASE https://github.com/technomancy/leiningen/releases/download)
    fetch_runtime leiningen "$version" "${base%/}/$version/leiningen-$version-standalone.jar" "$(cell "$table" "$version" 2)" ||
      fail 'Error: Unable to install Leiningen.' '' "Leiningen $version could not be downloaded from ${base%/}." \
        "${own:+The $STACK stack itself has Leiningen $own: :min-lein-version \"$own\" or older in project.clj uses it.}" \
        'An app can bring its own as bin/lein. An admin can point LEIN_DIST_BASE at a mirror.'
    jar=$runtime_dir/leiningen.jar
  fi
  cp -L "$jar" "$build_dir/.lein/leiningen.jar"
  cp "$buildpack_dir/lib/lein" "$build_dir/.lein/bin/lein"
  chmod +x "$build_dir/.lein/bin/lein"
}

# Sets lein, the command, with what leads it to libraries: the mirror; else the project's repositories (Maven Central and
# Clojars are always among them); else, where those cannot be reached and the stack holds the distribution's, these.
choose_libraries() {
  lein=(lein)
  if [ -n "$mirror" ]; then
    lein+=(update-in : assoc :mirrors "{#\".+\" {:name \"mirror\" :url \"$mirror\"}}" --)
  elif [ -d /usr/share/maven-repo ] && ! project_text | grep -q ':repositories' && ! central_answers; then
    warn 'Warning: Maven Central cannot be reached from here.' "Only libraries of the $STACK stack can be used." \
      'An admin can name a mirror in MAVEN_MIRROR_URL.'
    lein+=(update-in : assoc :repositories '[["stack" {:url "file:///usr/share/maven-repo" :checksum :ignore}]]' --)
  fi
}

build_with_lein() {
  local words hint=()
  read -r -a words <<< "$task"
  heading 'Building with Leiningen'
  choose_command "${lein[@]}" "${words[@]}"
  # What leads it to libraries is said above, or in a config var.
  if [ "${command[0]}" = lein ]; then line "Running: lein $task"; else line "Running: ${command[*]}"; fi
  run "${command[@]}" || {
    ! grep -q 'Could not find artifact\|Could not transfer artifact\|This could be due to a typo in :dependencies' "$work/run.log" ||
      hint=('' 'A library in :dependencies could not be found: check its name and version.' 'Libraries committed as a repository (:repositories {"local" "file:lib"}) are used without any network.')
    explain "${command[0]##*/}" "${hint[@]}"
  }
  one_jar=$(find_jar)
  [ -z "$(project_string uberjar-name)" ] || [ -n "$one_jar" ] || [ "$task" != uberjar ] ||
    warn "Warning: There is no $(project_string uberjar-name) in target." 'Is :target-path set? The Procfile should say which jar is started.'
  # Leiningen is no part of an app that is one jar, unless it asks for it.
  if [ -n "$one_jar" ] && [ "$(config LEIN_INCLUDE_IN_SLUG no)" = no ]; then
    rm -rf "$build_dir/.lein/leiningen.jar" "$build_dir/.lein/bin"
  elif [ -n "$one_jar" ]; then
    one_jar=''
  fi
}
