# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck disable=SC2154,SC2034,SC2016 # variables that are not local come from begin.sh, or are for bin/compile; dollars for dynos
# Which Java an app of the JVM gets: the stack's own when it is of the line asked for, else Eclipse Temurin's.

# shellcheck source=trust.sh
source "$shared/trust.sh"

# What an app gets that does not say, where the stack has no Java of its own.
default_java=21

# property FILE KEY: from a file of Java properties.
property() { sed -nE "s/^[[:space:]]*${2//./\\.}[[:space:]]*[=:][[:space:]]*([^[:space:]]*).*/\1/p" "$1" 2> /dev/null | tail -n 1 | tr -d "\r" || true; }

# Whether Maven Central answers; where it does not, what the stack holds may do.
central=https://repo.maven.apache.org/maven2
central_answers() { curl -fsS --head --max-time 10 -o /dev/null "$central/" 2> /dev/null; }

# Sets mirror: where libraries come from instead of Maven Central; empty for Central itself.
read_mirror() {
  mirror=$(config MAVEN_MIRROR_URL)
  mirror=${mirror%/}
  [[ $mirror =~ ^([a-z]+://[^[:space:]\<\>\&\"\\]+)?$ ]] || fail "Error: MAVEN_MIRROR_URL ($mirror) is not an address."
}

# Sets asked: 21, 21.0.5, 8 (1.8 is its old name); empty when system.properties does not say.
read_java_request() {
  asked=$(property "$build_dir/system.properties" java.runtime.version)
  # Vendors' prefixes (openjdk-21, zulu-21) name what Temurin is too.
  asked=${asked##*-}
  asked=${asked/#1.8/8} asked=${asked/#8.0_/8.0.}
  [[ $asked =~ ^([0-9]+(\.[0-9]+)*)?$ ]] || fail "Error: '$asked' in system.properties is not a version of Java." '' 'Write java.runtime.version=21, for example.'
}

# Makes BUILD_DIR/.jdk hold Java, and JAVA_HOME and PATH lead to it.
install_java() {
  local own table=$shared/jdk.tsv base
  own=$(stack_runtime java)
  rm -rf "$build_dir/.jdk"
  if [ -n "$own" ] && { [ -z "$asked" ] || [[ $own. == "$asked".* ]]; }; then
    java_version=$own
    heading "Using Java $own of the $STACK stack${asked:+ (java.runtime.version=$asked)}"
    # Where dynos run the same link leads to the part of it that runs programs.
    ln -s /usr/lib/jvm/default-java "$build_dir/.jdk"
  else
    only_x86 Java
    java_version=$(newest_of "$table" "${asked:-$default_java}")
    [ -n "$java_version" ] || fail "Error: Java $asked (from system.properties) is not available." '' \
      "This buildpack knows Java $(lines_of "$table" 1)${own:+; the $STACK stack itself has Java $own}."
    heading "Installing Java $java_version${asked:+ (java.runtime.version=$asked)}"
    base=$(config JDK_DIST_BASE https://github.com/adoptium)
    fetch_runtime jdk "$java_version" "${base%/}/$(cell "$table" "$java_version" 2)" "$(cell "$table" "$java_version" 3)" ||
      fail "Error: Java ${asked:-$java_version}${asked:+ (from system.properties)} is not available here." '' \
        "Java $java_version could not be downloaded from ${base%/}." \
        "${own:+The $STACK stack itself has Java $own: java.runtime.version=${own%%.*} in system.properties uses it.}" \
        'An admin can point JDK_DIST_BASE at a mirror.'
    # Sources and parts for making other JDKs run nothing.
    mkdir "$build_dir/.jdk"
    tar -C "$runtime_dir" --exclude=./jmods --exclude='*/src.zip' --exclude=./man --exclude=./demo -cf - . | tar -C "$build_dir/.jdk" -xf -
  fi
  if [ -z "$asked" ]; then
    warn "Warning: No Java version was specified in system.properties; Java ${java_version%%.*} is used." \
      "Name one, so that a later release does not surprise you: java.runtime.version=${java_version%%.*}"
  fi
  export JAVA_HOME=$build_dir/.jdk PATH="$build_dir/.jdk/bin:$PATH"
  install_trust
}

# What dynos source when they start, and what later buildpacks do.
install_java_profile() {
  mkdir -p "$build_dir/.profile.d"
  cat "$shared/profile/memory.sh" "$shared/profile/jvm.sh" > "$build_dir/.profile.d/jvm.sh"
  printf 'export JAVA_HOME="%s/.jdk" PATH="%s/.jdk/bin:$PATH"\n' "$build_dir" "$build_dir" > "$buildpack_dir/export"
}
