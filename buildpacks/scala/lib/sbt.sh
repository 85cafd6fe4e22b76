# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # variables that are not local come from, or are for, bin/compile; dollars and backticks for others
# sbt: which version, from where, what it is told, and what of it stays.

# setting NAME VARIABLE [DEFAULT]: a config var, else a line of system.properties, else DEFAULT.
setting() {
  local value
  value=$(config "$2")
  [ -n "$value" ] || value=$(property "$build_dir/system.properties" "$1")
  printf '%s' "${value:-${3:-}}"
}

# Sets sbt_version: project/build.properties must say it, as for Heroku.
read_sbt_version() {
  sbt_version=$(property "$build_dir/project/build.properties" sbt.version)
  case $sbt_version in
    '') fail 'Error: sbt version cannot be determined.' '' 'As part of your build definition you must specify the version of sbt that' \
      'your build uses. This ensures consistent results across different environments.' '' \
      'Create a file named project/build.properties that says:' '' "  sbt.version=$(rows "$buildpack_dir/sbt.tsv" | head -n 1 | cut -f 1)" ;;
    *[!0-9A-Za-z.-]*) fail "Error: '$sbt_version' in project/build.properties is not a version of sbt." ;;
    2.0.0 | 2.0.0-*) fail 'Error: Unsupported sbt version detected.' '' "This buildpack does not support sbt $sbt_version: write sbt.version=2.0.1, or newer." ;;
    0.13.18) warn "Warning: sbt $sbt_version no longer receives security updates or bug fixes." 'Please upgrade to sbt 1.x: an app that still builds with it may not for long.' ;;
    1.* | 2.*) ;;
    *) fail 'Error: Unsupported sbt version detected.' '' "This buildpack does not support sbt $sbt_version, which no longer receives security updates or bug fixes." \
      'Update project/build.properties to at least sbt.version=1.0, or 0.13.18.' ;;
  esac
}

# The launcher starts every version of sbt, the one of project/build.properties, which it gets from where libraries come from.
install_sbt() {
  local version table=$buildpack_dir/sbt.tsv base
  version=$sbt_version
  [ -n "$(cell "$table" "$version" 2)" ] || version=$(rows "$table" | head -n 1 | cut -f 1)
  base=$(config SBT_DIST_BASE "${mirror:-$central}/org/scala-sbt/sbt-launch")
  heading "Installing sbt $sbt_version"
  fetch_runtime sbt-launch "$version" "${base%/}/$version/sbt-launch-$version.jar" "$(cell "$table" "$version" 2)" ||
    fail 'Error: Unable to download sbt launcher.' '' "sbt's launcher could not be downloaded from ${base%/}." \
      'An admin can name a mirror of Maven Central in MAVEN_MIRROR_URL, or point SBT_DIST_BASE at one of the launcher.'
  launcher=$runtime_dir/sbt-launch.jar
  mkdir -p "$work/bin"
  # Where it lies in a build, and where in a dyno, differs; its options say which.
  printf '#!/bin/sh\nexec java $SBT_OPTS -jar "$SBT_LAUNCHER" "$@"\n' > "$work/bin/sbt"
  chmod +x "$work/bin/sbt"
  export PATH="$work/bin:$PATH" SBT_LAUNCHER=$launcher
}

# sbt_folders FOLDER: the options by which sbt keeps all it keeps below FOLDER.
sbt_folders() {
  printf -- '-Dsbt.global.base=%s -Dsbt.boot.directory=%s/boot -Dsbt.ivy.home=%s/.ivy2 -Dsbt.coursier.home=%s/.coursier -Dsbt.log.noformat=true -Dsbt.color=false' "$1" "$1" "$1" "$1"
}

# Sets SBT_OPTS. A mirror stands for every repository: Maven's layout, and ivy's as sbt's plugins have it.
choose_libraries() {
  local own memory=''
  own=$(config SBT_OPTS)
  [[ $own == *-Xmx* ]] || memory='-Xmx1024m -Xss4m '
  SBT_OPTS="$memory$(sbt_folders "$cache/sbt") -Dsbt.ci=true -Dsbt.supershell=false -Dsbt.server.autostart=false${own:+ $own}"
  # Coursier reads this, and not the option, in some versions.
  export COURSIER_CACHE=$cache/sbt/.coursier/v1
  if [ -n "$mirror" ]; then
    mkdir -p "$cache/sbt"
    printf '[repositories]\n  local\n  mirror: %s\n  mirror-ivy: %s, [organization]/[module]/(scala_[scalaVersion]/)(sbt_[sbtVersion]/)[revision]/[type]s/[artifact](-[classifier]).[ext]\n' \
      "$mirror" "$mirror" > "$cache/sbt/mirror"
    SBT_OPTS="$SBT_OPTS -Dsbt.override.build.repos=true -Dsbt.repository.config=$cache/sbt/mirror"
  elif ! central_answers; then
    warn 'Warning: Maven Central cannot be reached from here, and sbt itself comes from there.' \
      'An admin can name a mirror in MAVEN_MIRROR_URL.'
  fi
  export SBT_OPTS
}

# Sets tasks: Heroku's, with what config vars or system.properties say.
choose_tasks() {
  local before project task all=()
  tasks=$(setting sbt.tasks SBT_TASKS 'compile stage')
  before=$(setting sbt.pre-tasks SBT_PRE_TASKS)
  [ -z "$before" ] || {
    warn 'Warning: SBT_PRE_TASKS is deprecated.' "Name all tasks in one instead: SBT_TASKS=\"$before compile stage\""
    tasks="$before $tasks"
  }
  [ "$(setting sbt.clean SBT_CLEAN false)" != true ] || tasks="clean $tasks"
  project=$(setting sbt.project SBT_PROJECT)
  [ -n "$project" ] || return 0
  for task in $tasks; do all+=("$project/$task"); done
  tasks=${all[*]}
}

explain_sbt() {
  local hint=()
  if grep -qi 'Not a valid key: stage' "$work/run.log"; then
    fail "Error: sbt 'stage' task not found." '' "Your build definition does not define a valid 'stage' task, which is required" \
      'for deployment. The plugin sbt-native-packager provides it:' '' \
      '  addSbtPlugin("com.github.sbt" % "sbt-native-packager" % "1.11.4")   in project/plugins.sbt' \
      '  enablePlugins(JavaAppPackaging)                                    in build.sbt'
  elif grep -qi 'is already defined as object' "$work/run.log"; then
    hint=('' 'If that is not so, what an earlier build left is in the way: set SBT_CLEAN=true and push again.')
  elif grep -qiE 'Compilation failed|javac returned non-zero' "$work/run.log"; then
    hint=('' 'The app does not compile.')
  fi
  explain "sbt $tasks" "${hint[@]}"
}

# Sets start: a program made by sbt-native-packager, or of an older Play.
find_start() {
  start=$(find "$build_dir" -path '*/target/*' -path '*/universal/stage/bin/*' -type f -perm -u+x 2> /dev/null | head -n 1)
  [ -n "$start" ] || [ ! -f "$build_dir/target/start" ] || start=$build_dir/target/start
}

# What is needed to compile is no part of an app that has a program of its own. One without is started by sbt, which then
# comes along with its libraries; so does it when SBT_AT_RUNTIME=true.
keep_sbt() {
  local default=true
  sbt_in_slug=''
  [ -z "$start" ] || default=false
  if [ "$(config SBT_AT_RUNTIME "$default")" = true ]; then
    heading 'Copying sbt and dependencies into slug for runtime use'
    mkdir -p "$build_dir/.sbt_home/bin"
    cp -a "$cache/sbt/." "$build_dir/.sbt_home/" 2> /dev/null || true
    cp "$launcher" "$build_dir/.sbt_home/sbt-launch.jar"
    cp "$work/bin/sbt" "$build_dir/.sbt_home/bin/sbt"
    {
      printf 'export PATH="$HOME/.sbt_home/bin:$PATH" SBT_LAUNCHER="$HOME/.sbt_home/sbt-launch.jar" COURSIER_CACHE="$HOME/.sbt_home/.coursier/v1"\n'
      printf 'export SBT_OPTS="%s${SBT_OPTS:+ $SBT_OPTS}"\n' "$(sbt_folders '$HOME/.sbt_home')"
    } > "$work/scala-profile"
    sbt_in_slug=1
  elif [ "$(config KEEP_SBT_CACHE)" != true ]; then
    heading 'Dropping compilation artifacts from the slug'
    rm -rf "$build_dir"/target/{scala-*,streams,resolution-cache,task-temp-directory,.history} "$build_dir"/project/{target,project}
  fi
  # Repositories grow with every version an app ever used.
  [ ! -d "$cache/sbt" ] || [ "$(du -sm "$cache/sbt" | cut -f 1)" -lt 3072 ] || rm -rf "$cache/sbt"
}
