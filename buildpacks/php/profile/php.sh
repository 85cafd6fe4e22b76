# Sourced by bash when a dyno starts, before the app's command.
export PATH="$HOME/.heroku/php/bin:$HOME/vendor/bin:$PATH"
# How many requests are answered at once: what fits into the dyno's memory, when each may use PHP's own limit of 128 MB.
if [ -z "${WEB_CONCURRENCY:-}" ]; then
  WEB_CONCURRENCY=$(($(__memory_limit_mb) / 128))
  [ "$WEB_CONCURRENCY" -ge 1 ] || WEB_CONCURRENCY=1
  [ "$WEB_CONCURRENCY" -le 64 ] || WEB_CONCURRENCY=64
  export WEB_CONCURRENCY
fi
unset -f __memory_limit_mb
