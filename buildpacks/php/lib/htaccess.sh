# shellcheck shell=bash
# shellcheck disable=SC2154 # build_dir comes from begin.sh
# .htaccess files: nginx serves, and of Apache's rules it honours one: what is no file goes to index.php.

# unhonoured FILE: the directives of a .htaccess that have no effect here, each once, on one line.
unhonoured() {
  tr -d '\r' < "$1" | awk '
    /^[[:space:]]*(#|$|<\/)/ { next }
    { name = tolower($1); sub(/^</, "", name); sub(/>$/, "", name) }
    name ~ /^(ifmodule|ifversion|ifdefine|rewriteengine|rewritebase|rewritecond|options|directoryindex|adddefaultcharset)$/ { next }
    # The rule that is honoured, and one that hands PHP the header it gets from nginx anyway.
    name == "fallbackresource" || name == "rewriterule" && /index\.php|HTTP_AUTHORIZATION/ { next }
    { word = $1; gsub(/[<>]/, "", word); if (!seen[name]++) printf "%s%s", (n++ ? ", " : ""), word }'
}

# warn_of_htaccess: names what an app may believe to be in force. What keeps visitors out comes first: it does not.
warn_of_htaccess() {
  local file names guards=() others=()
  while IFS= read -r file; do
    names=$(unhonoured "$build_dir/$file")
    [ -n "$names" ] || continue
    if grep -qiE '(^|, )(Require|RequireAll|RequireAny|Deny|Order|Allow|Satisfy|Auth[A-Za-z]*|Files|FilesMatch|Limit[A-Za-z]*)(,|$)' <<< "$names"; then
      guards+=("  $file: $names")
    else
      others+=("  $file: $names")
    fi
  done < <(cd "$build_dir" && find . \( -name vendor -o -name node_modules -o -name .git -o -name .heroku \) -prune -o -name .htaccess -type f -printf '%P\n' | sort | head -n 20)
  [ "${#guards[@]}" -eq 0 ] || warn 'Warning: Rules in .htaccess that keep visitors out have no effect: nginx serves, not Apache.' \
    "${guards[@]}" 'Move such files out of the folder that is served, or guard them in PHP.'
  [ "${#others[@]}" -eq 0 ] || warn 'Warning: These rules in .htaccess have no effect: nginx serves, not Apache.' "${others[@]}" \
    'Write them for nginx: heroku-php-nginx -C nginx.conf, in the Procfile.'
}
