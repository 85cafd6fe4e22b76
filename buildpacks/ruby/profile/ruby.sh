# Sourced by bash when a dyno starts, before the app's command.
export PATH="$HOME/.heroku/ruby/bin:$HOME/bin:$HOME/vendor/bundle/bin:$PATH"
export BUNDLE_APP_CONFIG="$HOME/.bundle"
export LANG="${LANG:-C.UTF-8}"
export RACK_ENV="${RACK_ENV:-production}"
export RAILS_ENV="${RAILS_ENV:-production}"
export RAILS_LOG_TO_STDOUT="${RAILS_LOG_TO_STDOUT:-enabled}"
export RAILS_SERVE_STATIC_FILES="${RAILS_SERVE_STATIC_FILES:-enabled}"
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}"
# Rails asks for a secret. One of the dyno's own serves until the app has a config var: set it, or sessions end with the dyno.
if [ -f "$HOME/bin/rails" ] && [ -z "${SECRET_KEY_BASE:-}" ]; then
  SECRET_KEY_BASE=$(head -c 64 /dev/urandom | od -An -tx1 | tr -d ' \n')
  export SECRET_KEY_BASE
fi
# Puma's worker processes: one per 256 MB, and at most one per processor.
if [ -z "${WEB_CONCURRENCY:-}" ]; then
  WEB_CONCURRENCY=$(($(__memory_limit_mb) / 256))
  [ "$WEB_CONCURRENCY" -le "$(nproc)" ] || WEB_CONCURRENCY=$(nproc)
  [ "$WEB_CONCURRENCY" -ge 1 ] || WEB_CONCURRENCY=1
  export WEB_CONCURRENCY
fi
unset -f __memory_limit_mb
