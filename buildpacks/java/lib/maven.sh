# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # variables that are not local come from, or are for, bin/compile
# Which Maven packages the app, and where it gets libraries from.

# Sets maven, the command: the app's wrapper, else the stack's, else the official release.
choose_maven() {
  local own base version
  own=$(stack_runtime maven)
  if [ -f "$build_dir/mvnw" ] && [ -f "$build_dir/.mvn/wrapper/maven-wrapper.properties" ]; then
    chmod +x "$build_dir/mvnw"
    export MAVEN_USER_HOME=$cache/wrapper
    if (cd "$build_dir" && timeout 300 ./mvnw --version) > "$work/wrapper.log" 2>&1 < /dev/null; then
      maven=(./mvnw)
      line "Maven comes from the app's wrapper: $(grep -m 1 -o 'Apache Maven [0-9.]*' "$work/wrapper.log")"
      return
    fi
    line "The app's Maven wrapper could not get its Maven: $(grep . "$work/wrapper.log" | tail -n 1 | cut -c 1-120)"
    [ -n "$own" ] || fail "Error: The app's Maven wrapper does not work here." 'What it says stands above.' \
      'Without mvnw, this buildpack brings a Maven of its own.'
  fi
  if [ -n "$own" ]; then
    maven=(mvn)
    line "Maven $own is the $STACK stack's own"
    return
  fi
  version=$(rows "$buildpack_dir/maven.tsv" | head -n 1 | cut -f 1)
  base=$(config MAVEN_DIST_BASE https://archive.apache.org/dist/maven/maven-3)
  fetch_runtime maven "$version" "${base%/}/$version/binaries/apache-maven-$version-bin.tar.gz" "$(cell "$buildpack_dir/maven.tsv" "$version" 2)" ||
    fail "Error: Maven could not be downloaded from ${base%/}." '' 'An admin can point MAVEN_DIST_BASE at a mirror.'
  maven=("$runtime_dir/bin/mvn")
}

# Sets repository, Maven's options for where libraries come from: the app's own settings; else a mirror; else Maven
# Central; else, where that cannot be reached and the stack holds the distribution's libraries, those.
choose_repository() {
  local settings
  repository=("-Dmaven.repo.local=$cache/repository")
  settings=$(config MAVEN_SETTINGS_PATH)
  if [ -n "$(config MAVEN_SETTINGS_URL)" ]; then
    settings=$work/settings.xml
    curl -fsSL --max-time 60 -o "$settings" "$(config MAVEN_SETTINGS_URL)" 2> "$work/curl.log" ||
      fail 'Error: MAVEN_SETTINGS_URL could not be read.' "$(tail -n 1 "$work/curl.log")"
  elif [ -z "$settings" ] && [ -f "$build_dir/settings.xml" ]; then
    settings=settings.xml
  fi
  if [ -n "$settings" ]; then
    line "Maven's settings are those of $(basename "$settings")"
    repository+=(-s "$settings")
    return
  fi
  read_mirror
  if [ -n "$mirror" ]; then
    printf '<settings><mirrors><mirror><id>mirror</id><mirrorOf>*</mirrorOf><url>%s</url></mirror></mirrors></settings>\n' "$mirror" > "$work/settings.xml"
    repository+=(-s "$work/settings.xml")
    return
  fi
  if [ -d /usr/share/maven-repo ] && ! central_answers; then
    warn 'Warning: Maven Central cannot be reached from here.' "Only libraries of the $STACK stack can be used." \
      'An admin can name a mirror in MAVEN_MIRROR_URL.'
    repository=(-o -Dmaven.repo.local=/usr/share/maven-repo)
  fi
}
