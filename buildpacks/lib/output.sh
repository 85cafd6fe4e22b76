# shellcheck shell=bash
# What a build says: headings, indented lines, and complaints, as Heroku writes them.

heading() { printf -- '-----> %s\n' "$*"; }

# One indented line; without words an empty one.
line() { [ $# -eq 0 ] && printf '\n' || printf '       %s\n' "$*"; }

# Indents what flows through, a line at a time, so that a slow command is seen working.
indent() { sed -u 's/^/       /'; }

# Each argument is one line of a notice; the build goes on.
warn() {
  local text
  printf '\n'
  for text in "$@"; do printf ' !%s\n' "${text:+     $text}"; done
  printf '\n'
}

# Each argument is one line; the build ends here.
fail() {
  warn "$@"
  exit 1
}
