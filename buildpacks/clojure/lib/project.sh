# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034 # variables that are not local come from, or are for, bin/compile and bin/release
# What a project says, and where its libraries lie.

# project_text: project.clj without its comments.
project_text() { sed -E 's/(^|[^\\]);.*/\1/' "$build_dir/project.clj"; }

# project_string KEY: the string after a keyword of project.clj, wherever it stands (a profile may hold it too).
project_string() { project_text | tr '\n' ' ' | sed -nE "s/.*:$1[[:space:]]+\"([^\"]*)\".*/\1/p"; }

# find_jar: the jar with everything in it, below BUILD_DIR; nothing where none was made.
find_jar() {
  local name='' folder file
  if [ -f "$build_dir/project.clj" ]; then
    name=$(project_string uberjar-name)
    for folder in target target/uberjar; do
      if [ -n "$name" ] && [ -f "$build_dir/$folder/$name" ]; then echo "$folder/$name"; return; fi
    done
  fi
  for folder in target target/uberjar; do
    [ -d "$build_dir/$folder" ] || continue
    file=$(find "$build_dir/$folder" -maxdepth 1 -name '*standalone*.jar' -printf '%f\n' | sort | head -n 1)
    # Clojure's tools make one jar under any name.
    [ -n "$file" ] || [ -f "$build_dir/project.clj" ] || file=$(find "$build_dir/$folder" -maxdepth 1 -name '*.jar' -printf '%f\n' | sort | head -n 1)
    [ -z "$file" ] || { echo "$folder/$file"; return; }
  done
}

# Libraries lie in the cache while the app is built, and in /app/.m2 as far as its tools know: that is where dynos find them.
link_libraries() {
  rm -rf "$build_dir/.m2"
  ln -s "$cache/m2" "$build_dir/.m2"
  [ "$build_dir" -ef /app ] || ln -sfn "$cache/m2" /app/.m2
}

# Copies libraries into the app where dynos need them: not when one jar holds them.
keep_libraries() {
  rm -rf "$build_dir/.m2"
  if [ -z "$one_jar" ]; then
    cp -a "$cache/m2" "$build_dir/.m2"
    # They would be good only for whoever knows the same repositories.
    find "$build_dir/.m2" -name _remote.repositories -delete
  fi
  # Repositories grow with every version an app ever used.
  [ "$(du -sm "$cache/m2" | cut -f 1)" -lt 2048 ] || rm -rf "$cache/m2"
}

# Sets command: what is run, from what the app or an admin says, else what is given.
choose_command() {
  command=("$@")
  if [ -n "$(config BUILD_COMMAND)" ]; then
    read -r -a command <<< "$(config BUILD_COMMAND)"
  elif [ -x "$build_dir/bin/build" ]; then
    line "Found bin/build; running it instead of the default"
    command=(bin/build)
  fi
}
