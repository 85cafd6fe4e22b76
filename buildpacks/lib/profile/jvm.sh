# Sourced by bash when a dyno starts, before the app's command.
export JAVA_HOME="$HOME/.jdk"
export PATH="$JAVA_HOME/bin:$PATH"
export LANG="${LANG:-C.UTF-8}"

# The heap gets what the JVM's other memory (code, threads, buffers) leaves: about 60 % of a small dyno, more of a large one.
__memory_mb=$(__memory_limit_mb)
if [ "$__memory_mb" -le 512 ]; then
  __java_options="-Xmx$((__memory_mb * 60 / 100))m -Xss512k -XX:CICompilerCount=2"
elif [ "$__memory_mb" -le 1024 ]; then
  __java_options="-Xmx$((__memory_mb * 65 / 100))m"
else
  __java_options="-Xmx$((__memory_mb * 80 / 100))m"
fi
export JAVA_OPTS="${JAVA_OPTS:-$__java_options}"
# Every JVM reads this one by itself, and says so; what an app sets in it comes last and wins. People's own one-off dynos
# are spared, as on Heroku: what they start may be read by another program.
[[ ${DYNO:-} == run.* ]] || export JAVA_TOOL_OPTIONS="$__java_options -Dfile.encoding=UTF-8${JAVA_TOOL_OPTIONS:+ $JAVA_TOOL_OPTIONS}"

# JDBC has its own form of a database's address.
if [[ ${DATABASE_URL:-} =~ ^(postgres|postgresql|mysql)://([^:@/]+):([^@/]*)@([^/?]+)/([^?]+) ]] && [ -z "${JDBC_DATABASE_URL:-}" ]; then
  __scheme=${BASH_REMATCH[1]/%postgres/postgresql}
  export JDBC_DATABASE_USERNAME="${BASH_REMATCH[2]}" JDBC_DATABASE_PASSWORD="${BASH_REMATCH[3]}"
  JDBC_DATABASE_URL="jdbc:$__scheme://${BASH_REMATCH[4]}/${BASH_REMATCH[5]}?user=${BASH_REMATCH[2]}&password=${BASH_REMATCH[3]}"
  [[ $DATABASE_URL != *\?* ]] || JDBC_DATABASE_URL="$JDBC_DATABASE_URL&${DATABASE_URL#*\?}"
  export JDBC_DATABASE_URL
  if [ -z "${SPRING_DATASOURCE_URL:-}" ] && [ "${DISABLE_SPRING_DATASOURCE_URL:-}" != true ]; then
    export SPRING_DATASOURCE_URL="$JDBC_DATABASE_URL" SPRING_DATASOURCE_USERNAME="$JDBC_DATABASE_USERNAME" SPRING_DATASOURCE_PASSWORD="$JDBC_DATABASE_PASSWORD"
  fi
  unset __scheme
fi
unset __memory_mb __java_options
unset -f __memory_limit_mb
