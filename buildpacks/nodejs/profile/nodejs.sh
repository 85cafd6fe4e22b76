# Sourced by bash when a dyno starts, before the app's command.
export PATH="$HOME/.heroku/node/bin:$HOME/node_modules/.bin:$PATH"
export NODE_HOME="$HOME/.heroku/node"
export NODE_ENV="${NODE_ENV:-production}"

# The dyno's memory in MB: what its control group allows (version 2, then 1); 512 where nothing is limited.
__memory_limit_mb() {
  local file bytes
  for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes; do
    bytes=$(cat "$file" 2>/dev/null) || continue
    # "max", and version 1's number near 2^63, mean no limit at all.
    case $bytes in '' | *[!0-9]*) continue ;; esac
    [ "${#bytes}" -le 15 ] || continue
    echo $((bytes / 1048576))
    return
  done
  echo 512
}

export MEMORY_AVAILABLE="${MEMORY_AVAILABLE:-$(__memory_limit_mb)}"
# WEB_MEMORY: MB that one process of the app needs. WEB_CONCURRENCY: how many fit, for apps that fork workers.
export WEB_MEMORY="${WEB_MEMORY:-512}"
if [ -z "${WEB_CONCURRENCY:-}" ]; then
  case $MEMORY_AVAILABLE$WEB_MEMORY in
    *[!0-9]*) WEB_CONCURRENCY=1 ;;
    *) WEB_CONCURRENCY=$((WEB_MEMORY > 0 ? MEMORY_AVAILABLE / WEB_MEMORY : 1)) ;;
  esac
  [ "$WEB_CONCURRENCY" -ge 1 ] || WEB_CONCURRENCY=1
  export WEB_CONCURRENCY
fi
unset -f __memory_limit_mb
