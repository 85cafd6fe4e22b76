# shellcheck shell=bash
# shellcheck disable=SC2154 # variables that are not local come from bin/compile
# A site's settings (static.json, as Heroku's static buildpack reads it) become nginx's.

# setting FILTER: what a jq filter finds in static.json.
setting() { if [ -f "$settings" ]; then jq -r "$1" "$settings"; fi; }

# Sets root, the folder served: static.json's, or the first with an index.html.
choose_root() {
  local folder
  root=$(setting '.root // empty')
  root=${root%/} root=${root#./}
  case /$root/ in */../* | //*//) fail "Error: The root in static.json ($root) is not a folder of this app." ;; esac
  if [ -n "$root" ]; then
    # A folder that an earlier buildpack makes is there by now.
    [ -d "$build_dir/$root" ] || fail "Error: The root in static.json ($root) is not a folder of this app."
    return
  fi
  for folder in public_html . public dist; do
    [ ! -f "$build_dir/$folder/index.html" ] || { root=$folder; return; }
  done
  root=.
}

# The distribution's nginx, where the stack brings none: its package comes from the signed archive that the stack itself
# was made from, and is unpacked into the app.
install_nginx() {
  local own
  own=$(stack_runtime nginx)
  if [ -n "$own" ]; then
    line "nginx $own is the $STACK stack's own"
    return
  fi
  fetch_packages nginx "$build_dir/.heroku/nginx" nginx
  line 'nginx comes from the archive of the distribution'
}

# nginx's quotes: a backslash, a quote and a dollar would end a string or begin a variable. Lines cannot be quoted.
write_site() {
  jq -r --arg root "$root" '
    def text: tostring | if test("[\"\\\\$\n;{}]") then error("static.json: \(.) has a sign that cannot be served") else "\"\(.)\"" end;
    # Wildcards of static.json: ** is anything, * anything but a slash.
    def pattern: split("**") | map(split("*") | map(gsub("[.+?^$()\\[\\]|]"; "\\\(.)")) | join("[^/]*")) | join(".*");
    (if $root == "." then "/app" else "/app/" + $root end) as $folder
    | (.error_page // null) as $error_page
    | "root \($folder | text);",
      (if $error_page then "error_page 404 /\($error_page | ltrimstr("/") | text | .[1:-1]);" else empty end),
      (if .https_only == true then "if ($http_x_forwarded_proto = http) { return 301 https://$host$request_uri; }" else empty end),
      ((.redirects // {}) | to_entries[] | "location ~ \"^\(.key | pattern)$\" { return \(.value.status // 301 | tonumber) \(.value.url | text); }"),
      ((.headers // {}) | to_entries[] | "location ~ \"^\(.key | pattern)$\" {",
        (.value | to_entries[] | "  add_header \(.key | text) \(.value | text);"), "  try_files $uri $uri/ =404;", "}"),
      ((.routes // {}) | to_entries[] | "location ~ \"^\(.key | pattern)$\" { try_files $uri \(if .value == "index.html" then "$uri/ " else "" end)/\(.value | ltrimstr("/") | text | .[1:-1]); }"),
      "location / { try_files $uri \(if .clean_urls == true then "$uri.html " else "" end)$uri/ =404; }"
  ' <<< "$(if [ -f "$settings" ]; then cat "$settings"; else echo '{}'; fi)" 2> "$work/site.log" ||
    fail 'Error: static.json cannot be used.' '' "$(tail -n 1 "$work/site.log" | sed 's/^jq: error[^:]*: //')"
}
