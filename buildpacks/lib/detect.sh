# shellcheck shell=bash
# not_detected BUILD_DIR LANGUAGE WHAT...: bin/detect's answer when an app is not one of its own; WHAT is one line each.
not_detected() {
  local text
  {
    printf '\n'
    printf ' !     %s\n' "Error: Your app is configured to use the $2 buildpack, but we couldn't find any supported" \
      "$2 project files." '' "${@:3}" '' 'Currently the root directory of your app contains:' ''
    find "$1" -mindepth 1 -maxdepth 1 -printf ' !       %f\n' | sort | sed -n 1,20p
    for text in '' 'If your app already has one of these files, check that it:' '' \
      '1. Is in the top level directory (not a subdirectory).' '2. Has the correct spelling (filenames are case-sensitive).' \
      "3. Isn't listed in '.gitignore' or '.slugignore', and has been committed." ''; do
      printf ' !     %s\n' "$text"
    done
  } | sed 's/ *$//' >&2
  exit 1
}
