# Sourced by bash when a dyno starts, before the app's command.
export PATH="$HOME/.lein/bin:$HOME/.heroku/clj/bin:$PATH"
export LEIN_HOME="${LEIN_HOME:-$HOME/.lein}"
export LEIN_NO_DEV="${LEIN_NO_DEV:-yes}"
export RING_ENV="${RING_ENV:-production}"
export JVM_OPTS="${JVM_OPTS:-$JAVA_OPTS}"
