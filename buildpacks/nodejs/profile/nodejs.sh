# Sourced by bash when a dyno starts, before the app's command.
export PATH="$HOME/.heroku/node/bin:$HOME/node_modules/.bin:$PATH"
export NODE_HOME="$HOME/.heroku/node"
export NODE_ENV="${NODE_ENV:-production}"

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
