# shellcheck shell=bash source-path=SCRIPTDIR
# Sourced first by every bin/compile, with `begin NAME "$@"` after it: the folders a build works in, and the rest of
# what buildpacks share. This folder lies beside the buildpacks, here and in a build container.

shared=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=output.sh
source "$shared/output.sh"
# shellcheck source=config.sh
source "$shared/config.sh"
# shellcheck source=fetch.sh
source "$shared/fetch.sh"
# shellcheck source=versions.sh
source "$shared/versions.sh"
# shellcheck source=run.sh
source "$shared/run.sh"
# shellcheck source=packages.sh
source "$shared/packages.sh"

# begin NAME BUILD_DIR CACHE_DIR [ENV_DIR]: sets build_dir, cache, env_dir, buildpack_dir, STACK and work.
# shellcheck disable=SC2034 # env_dir is for config.sh
begin() {
  build_dir=$(cd "$2" && pwd)
  mkdir -p "$3/mypaas-$1"
  cache=$(cd "$3/mypaas-$1" && pwd)
  env_dir=${4:-}
  # A check of a buildpack's parts says whose they are.
  buildpack_dir=${buildpack_dir:-$(cd "$(dirname "${BASH_SOURCE[1]}")/.." && pwd)}
  STACK=${STACK:-heroku-24}
  # Work lies beside the cache it is renamed into; that of a killed build goes first.
  rm -rf "$cache"/work.*
  work=$(mktemp -d "$cache/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
}

# install_profile NAME: what dynos source when they start, with the shared __memory_limit_mb before it.
install_profile() {
  mkdir -p "$build_dir/.profile.d"
  cat "$shared/profile/memory.sh" "$buildpack_dir/profile/$1.sh" > "$build_dir/.profile.d/$1.sh"
}
