# shellcheck shell=bash
# shellcheck disable=SC2154 # variables that are not local come from bin/compile and runtime.sh
# The app's packages: which tool installs them, what is kept from build to build.

# The uv that reads uv.lock; any version reads the locks of those before it.
uv_version=0.13.8

# Sets manager to what names the app's packages: pip (requirements.txt, setup.py) or uv.
choose_manager() {
  local folder
  manager=''
  if [ -f "$build_dir/requirements.txt" ]; then
    manager=pip
  elif [ -f "$build_dir/uv.lock" ] && [ -f "$build_dir/pyproject.toml" ]; then
    manager=uv
  elif [ -f "$build_dir/poetry.lock" ]; then
    not_supported Poetry poetry.lock 'poetry export -f requirements.txt -o requirements.txt   (with the plugin poetry-plugin-export)'
  elif [ -f "$build_dir/Pipfile" ]; then
    not_supported Pipenv Pipfile 'pipenv requirements > requirements.txt'
  elif [ -f "$build_dir/setup.py" ]; then
    manager=pip
  else
    fail "Error: Couldn't find any supported Python package manager files." '' \
      "A Python app must have a 'requirements.txt', or a 'uv.lock' with its 'pyproject.toml', in the root directory" \
      "of its source code. If it is there, check that its name is spelled right and that it isn't listed in '.gitignore'." '' \
      "If your app has no dependencies, then create an empty 'requirements.txt' file."
  fi
  # What was made for another computer hides what is made here.
  for folder in .venv venv __pycache__; do
    [ ! -d "$build_dir/$folder" ] || warn "Warning: $folder is checked into source control." \
      "Remove it (\`git rm -r --cached $folder\`) and add it to .gitignore: packages are installed here, for this system."
  done
}

not_supported() {
  fail "Error: This app names its packages for $1 ($2), which this buildpack does not support yet." '' \
    'Write them to a requirements.txt and commit it:' "  $3"
}

# What decides which packages an environment holds. The same key means that it can be used again.
environment_key() {
  cd "$build_dir" || return
  {
    echo "$python_version $python_from $STACK $manager $uv_version"
    cat requirements*.txt requirements/*.txt constraints*.txt setup.py setup.cfg pyproject.toml uv.lock 2> /dev/null || true
  } | sha256sum | cut -d ' ' -f 1
}

# Puts the last build's environment back if it fits; says why when it does not.
restore_environment() {
  local was
  restored=''
  was=$(cat "$cache/python-version" 2> /dev/null || true)
  if [ -d "$cache/environment/$environment_key" ]; then
    heading 'Restoring cache'
    mkdir -p "$build_dir/.heroku"
    cp -a "$cache/environment/$environment_key" "$build_dir/.heroku/python"
    heading "Using cached install of Python $python_version"
    restored=1
    return
  fi
  if [ -n "$was" ]; then
    heading 'Discarding cache since:'
    if [ "$was" = "$python_version $python_from $STACK" ]; then
      line '- The list of packages has changed'
    else
      line "- The Python version or the stack has changed"
      rm -rf "$cache/pip"
    fi
  fi
  return 1
}

# Nothing new, nothing to copy.
keep_environment() {
  if [ -n "$restored" ] && [ "$manager" = pip ] && ! grep -q '^Successfully installed' "$work/packages.log"; then return; fi
  heading 'Saving cache'
  rm -rf "$cache/environment"
  mkdir -p "$cache/environment"
  cp -a "$build_dir/.heroku/python" "$work/environment"
  mv "$work/environment" "$cache/environment/$environment_key"
  echo "$python_version $python_from $STACK" > "$cache/python-version"
  # pip keeps every download and every wheel it ever built.
  [ "$(du -sm "$cache/pip" 2> /dev/null | cut -f 1)" -lt 1024 ] 2> /dev/null || rm -rf "$cache/pip"
}

# Run in the app's folder with the app's config vars, output shown as it comes; kept in $work/packages.log.
run() {
  with_config run_in_build_dir "$@" < /dev/null 2>&1 | tee "$work/packages.log" | sed -u '/^Requirement already satisfied/d' | indent
}

run_in_build_dir() {
  cd "$build_dir" || return
  "$@"
}

install_packages() {
  [ -n "$restored" ] || heading "Installing pip $(python -c 'import importlib.metadata as m; print(m.version("pip"))')"
  if [ "$manager" = uv ]; then
    install_with_uv
    return
  fi
  local what=(-r requirements.txt)
  [ -f "$build_dir/requirements.txt" ] || what=(--editable .)
  if [ -f "$build_dir/requirements.txt" ]; then
    heading 'Installing requirements with pip'
  else
    heading 'Installing the package of setup.py with pip'
  fi
  run python -m pip install --no-input --progress-bar off --src "$python_home/src" "${what[@]}" || explain_failure 'pip install'
}

install_with_uv() {
  heading "Installing uv $uv_version"
  if [ ! -x "$cache/uv/$uv_version/bin/uv" ]; then
    rm -rf "$cache/uv"
    run python -m pip install --quiet --no-input --target "$work/uv" "uv==$uv_version" || explain_failure 'pip install uv'
    mkdir -p "$cache/uv"
    mv "$work/uv" "$cache/uv/$uv_version"
  fi
  heading "Installing dependencies using 'uv sync --locked --no-default-groups'"
  export UV_PROJECT_ENVIRONMENT=$python_home UV_PYTHON_DOWNLOADS=never UV_NO_MANAGED_PYTHON=1 UV_CACHE_DIR=$cache/pip/uv UV_LINK_MODE=copy
  run "$cache/uv/$uv_version/bin/uv" sync --locked --no-default-groups --no-progress --python "$python_home/bin/python" ||
    explain_failure 'uv sync'
}

explain_failure() {
  local hint=()
  if grep -qE 'CERTIFICATE_VERIFY_FAILED|UnknownIssuer|invalid peer certificate' "$work/packages.log"; then
    hint=('' 'If this network replaces certificates with its own, the admin of this platform' 'names them in build.extra_ca_file.')
  elif grep -qE 'No matching distribution found' "$work/packages.log"; then
    hint=('' "Check the name and version of that package, and that it has a release for Python ${python_version%.*}.")
  elif grep -qE 'Temporary failure in name resolution|Network is unreachable|NewConnectionError' "$work/packages.log"; then
    hint=('' 'The package index could not be reached. Pushing again may help.')
  fi
  fail "Error: Unable to install dependencies: \`$1\` did not succeed." 'What went wrong stands above.' "${hint[@]}"
}

# Django's static files, gathered where the app's settings want them.
collect_static() {
  local manage=$build_dir/manage.py
  [ -f "$manage" ] || return 0
  case $(config DISABLE_COLLECTSTATIC) in '' | 0 | false) ;; *) return 0 ;; esac
  grep -q django "$manage" && python -c 'import django' 2> /dev/null || return 0
  # A Django without the staticfiles app has no such command, and nothing to collect.
  if ! with_config run_in_build_dir python manage.py help collectstatic > "$work/packages.log" 2>&1 &&
    grep -q "Unknown command: 'collectstatic'" "$work/packages.log"; then
    return 0
  fi
  # shellcheck disable=SC2016 # the dollar stands for a prompt
  heading '$ python manage.py collectstatic --noinput'
  run python manage.py collectstatic --noinput --traceback || fail 'Error: Unable to generate Django static files.' '' \
    "The 'python manage.py collectstatic --noinput' command to generate static files failed." \
    'See the traceback above. You may need to change your code, or its settings, so that it succeeds in a build.' '' \
    'If you do not use static files, or generate them elsewhere, set a config var:' '  mypaas config:set DISABLE_COLLECTSTATIC=1'
}

# Editable installs name the build's folder; where dynos run it is /app.
rewrite_paths() {
  find -L "$build_dir/.heroku/python/lib" -maxdepth 4 -path '*/site-packages/*' -type f \
    \( -name '*.pth' -o -name '__editable___*_finder.py' -o -name '*.egg-link' -o -name direct_url.json \) -print0 |
    xargs -0 -r sed -i "s#$build_dir#/app#g"
}
