# shellcheck shell=bash
# shellcheck disable=SC2154 # env_dir comes from begin.sh
# Config vars. They come as files in ENV_DIR, and may be named anything: they reach the app's own commands (npm, its
# scripts), never this program's variables.

# Names an app must not change under its build tools: these, and what a buildpack adds in ours_too (" NAME NAME ").
config_is_ours() {
  [[ "${ours_too:-}" != *" $1 "* ]] || return 0
  case $1 in
    PATH | HOME | PWD | SHELL | USER | TMPDIR | IFS | BASH* | SHELLOPTS | ENV | LANG | BUILD_DIR | CACHE_DIR | ENV_DIR | \
      STACK | GIT_DIR | CPATH | CPPATH | LD_PRELOAD | LD_LIBRARY_PATH | LIBRARY_PATH | UID | EUID | PPID) return 0 ;;
    [A-Za-z_]*) [[ $1 == *[!A-Za-z0-9_]* ]] ;;
    *) return 0 ;;
  esac
}

# config NAME [DEFAULT]: the app's config var, else the process's variable (the admin's), else DEFAULT.
config() {
  if [ -n "$env_dir" ] && [ -f "$env_dir/$1" ]; then
    cat "$env_dir/$1"
  else
    printf '%s' "${!1:-${2:-}}"
  fi
}

# with_config COMMAND...: runs it with the app's config vars in its environment, and only in its.
with_config() (
  if [ -n "$env_dir" ] && [ -d "$env_dir" ]; then
    for _file in "$env_dir"/*; do
      [ -f "$_file" ] || continue
      _name=${_file##*/}
      # One of our own loop variables' names would end the loop early; nobody's config var is called that.
      if config_is_ours "$_name" || [ "$_name" = _file ] || [ "$_name" = _name ] || [ "$_name" = _value ]; then continue; fi
      IFS= read -r -d '' _value < "$_file" || true
      export "$_name=$_value"
    done
  fi
  "$@"
)
