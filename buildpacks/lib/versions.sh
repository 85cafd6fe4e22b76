# shellcheck shell=bash
# Versions, in numbers and dots: which is newer, and which fits what an app asks for.

# at_least A B: whether A is B or newer.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# Whether A and B are the same version: 3.2 is 3.2.0.
same_version() {
  local a=$1 b=$2
  while [[ $a == *.0 ]]; do a=${a%.0}; done
  while [[ $b == *.0 ]]; do b=${b%.0}; done
  [ "$a" = "$b" ]
}

# fits VERSION CONSTRAINTS: whether it satisfies all of them, separated by commas, as Ruby and others write them:
# `>= 3.2, < 4`, `~> 3.3.0`, `3.3.6`. No constraint fits all.
fits() {
  local version=$1 parts part op wanted
  IFS=, read -r -a parts <<< "$2"
  for part in "${parts[@]}"; do
    part=${part//[[:space:]]/}
    wanted=${part##*[<>=~!]}
    op=${part%"$wanted"}
    [ -n "$part" ] || continue
    case $op in
      '' | '=' | '==') same_version "$version" "$wanted" || return 1 ;;
      '!=') ! same_version "$version" "$wanted" || return 1 ;;
      '>=') at_least "$version" "$wanted" || same_version "$version" "$wanted" || return 1 ;;
      '<=') at_least "$wanted" "$version" || same_version "$version" "$wanted" || return 1 ;;
      '>') at_least "$version" "$wanted" && ! same_version "$version" "$wanted" || return 1 ;;
      '<') at_least "$wanted" "$version" && ! same_version "$version" "$wanted" || return 1 ;;
      # At least that, and equal in all numbers but its last.
      '~>') { at_least "$version" "$wanted" || same_version "$version" "$wanted"; } && [[ $version. == "${wanted%.*}".* ]] || return 1 ;;
      *) return 2 ;;
    esac
  done
}

# newest_fitting TABLE CONSTRAINTS: the first, so the newest, version of the table that fits.
newest_fitting() {
  local version
  while read -r version; do
    ! fits "$version" "$2" || { echo "$version"; return; }
  done < <(grep -v '^#' "$1" | cut -f 1)
}

# newest_of TABLE LINE: the newest version that is LINE or of it: 1.25 is 1.25.5.
newest_of() { awk -F '\t' -v line="$2" '!/^#/ && !found && index($1 ".", line ".") == 1 { print $1; found = 1 }' "$1"; }

# lines_of TABLE N: the lines of the table, by their first N numbers: "1.25, 1.24".
lines_of() { grep -v '^#' "$1" | cut -f 1 | cut -d . -f "1-$2" | uniq | paste -sd , | sed 's/,/, /g'; }
