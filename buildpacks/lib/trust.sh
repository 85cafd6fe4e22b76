# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016 # variables that are not local come from jvm.sh, or are for bin/compile; dollars for dynos
# Whom Java trusts. It reads neither the system's certificates nor SSL_CERT_FILE, but a store of its own: a JDK that was
# unpacked into the app gets the installation's authorities put into that store. The stack's JDK belongs to the stack, so
# there `java` becomes a small script that names another store. Either way no variable is set that an app might see, and
# an app's own -Djavax.net.ssl.trustStore comes later and wins.

# Heroku's way to bring one's own store: .jdk-overlay/lib/security/cacerts (of Java 8: jre/lib/security/cacerts).
overlay_store() {
  local file
  for file in lib/security/cacerts jre/lib/security/cacerts; do
    [ ! -f "$build_dir/.jdk-overlay/$file" ] || { echo "$build_dir/.jdk-overlay/$file"; return; }
  done
}

# Sets trust_options: what a tool is told that starts another Java than the one in PATH; empty where nothing was added.
install_trust() {
  local authorities=() overlay store made in_jdk=lib/security/cacerts name
  trust_options=()
  mapfile -t authorities < <(find "${LOCAL_CERTIFICATES:-/usr/local/share/ca-certificates}" -name '*.crt' 2> /dev/null | sort)
  overlay=$(overlay_store)
  if [ ! -L "$build_dir/.jdk" ] && [ -d "$build_dir/.jdk-overlay" ]; then
    line 'Applying .jdk-overlay'
    cp -rf "$build_dir/.jdk-overlay/." "$build_dir/.jdk/"
  fi
  [ "${#authorities[@]}" -gt 0 ] || [ -n "$overlay" ] || return 0

  [ -d "$build_dir/.jdk/jre" ] && in_jdk=jre/$in_jdk
  [ -f "${overlay:=$build_dir/.jdk/$in_jdk}" ] || fail 'Error: This Java has no store of trusted certificates.' "There is no $in_jdk in it."
  store=$work/cacerts
  # Made once: the next build has the same certificates, as a rule.
  made=$cache/cacerts-$(cat "$overlay" "${authorities[@]}" | sha256sum | cut -d ' ' -f 1)
  if [ ! -f "$made" ]; then
    make_store "$overlay" "$store" "${authorities[@]}"
    rm -f "$cache"/cacerts-*
    mv "$store" "$made"
  fi
  cp "$made" "$store"
  if [ -L "$build_dir/.jdk" ]; then
    wrap_java
  fi
  mkdir -p "$build_dir/.jdk/${in_jdk%/*}"
  rm -f "$build_dir/.jdk/$in_jdk"
  mv "$store" "$build_dir/.jdk/$in_jdk"
  trust_options=("-Djavax.net.ssl.trustStore=$build_dir/.jdk/$in_jdk")
  for name in "${authorities[@]##*/}"; do line "Java trusts ${name%.crt} too"; done
}

# make_store FROM TO CERTIFICATES...: a store with what FROM has and every certificate of these PEM files. Its format is
# JKS: Java reads that without a password, as it reads its own.
make_store() {
  local file part n=0
  keytool -importkeystore -noprompt -srckeystore "$1" -srcstorepass changeit -destkeystore "$2" -deststoretype JKS -deststorepass changeit > "$work/keytool.log" 2>&1 ||
    fail 'Error: The store of trusted certificates could not be read.' "$(tail -n 1 "$work/keytool.log")"
  for file in "${@:3}"; do
    rm -rf "$work/certificates"
    mkdir "$work/certificates"
    awk -v into="$work/certificates/" '/-----BEGIN CERTIFICATE-----/ { n++; inside = 1 } inside { print > (into n ".pem") } /-----END CERTIFICATE-----/ { inside = 0 }' "$file"
    for part in "$work"/certificates/*.pem; do
      [ -f "$part" ] || continue
      n=$((n + 1))
      # One that is there already is no mistake, one that cannot be read is.
      keytool -importcert -noprompt -trustcacerts -keystore "$2" -storepass changeit -alias "installation-$n" -file "$part" > "$work/keytool.log" 2>&1 ||
        fail "Error: A certificate of ${file##*/} could not be read." "$(tail -n 1 "$work/keytool.log")"
    done
  done
}

# Makes BUILD_DIR/.jdk, a link to the stack's Java, a folder of links: all is the stack's but `java` and lib/security.
wrap_java() {
  local whole part
  whole=$(readlink "$build_dir/.jdk")
  rm "$build_dir/.jdk"
  mkdir -p "$build_dir"/.jdk/{bin,lib/security}
  for part in "$whole"/* "$whole"/bin/* "$whole"/lib/* "$whole"/lib/security/*; do
    part=${part#"$whole/"}
    [ -e "$build_dir/.jdk/$part" ] || ln -s "$whole/$part" "$build_dir/.jdk/$part"
  done
  rm "$build_dir/.jdk/bin/java"
  cat > "$build_dir/.jdk/bin/java" << JAVA
#!/bin/sh
# The stack's Java, with this installation's certificate authorities trusted besides the usual ones.
exec $whole/bin/java -Djavax.net.ssl.trustStore="\$(dirname -- "\$(readlink -f -- "\$0")")/../lib/security/cacerts" "\$@"
JAVA
  chmod +x "$build_dir/.jdk/bin/java"
}
