# Sourced by bash when a dyno starts, before the app's command.
export PATH="$HOME/.heroku/python/bin:$PATH"
export PYTHONUNBUFFERED="${PYTHONUNBUFFERED:-true}"
export LANG="${LANG:-C.UTF-8}"
export PYTHONPATH="${PYTHONPATH:-$HOME}"
# Gunicorn says each request on standard output, where the app's log is, and believes the router's X-Forwarded-* headers.
export GUNICORN_CMD_ARGS="${GUNICORN_CMD_ARGS:---access-logfile -}"
export FORWARDED_ALLOW_IPS="${FORWARDED_ALLOW_IPS:-*}"

# How many worker processes the dyno can carry: one per 256 MB, and at most two per processor and one. Gunicorn and
# uvicorn read this variable themselves.
if [ -z "${WEB_CONCURRENCY:-}" ]; then
  WEB_CONCURRENCY=$(($(__memory_limit_mb) / 256))
  __by_processors=$(($(nproc) * 2 + 1))
  [ "$WEB_CONCURRENCY" -le "$__by_processors" ] || WEB_CONCURRENCY=$__by_processors
  [ "$WEB_CONCURRENCY" -ge 1 ] || WEB_CONCURRENCY=1
  export WEB_CONCURRENCY
  unset __by_processors
fi
unset -f __memory_limit_mb
