# Packages of npm: the linters of the OpenAPI document, and what the console is built and tested with. Each folder has a
# lock file; nothing is downloaded but what those name, and no script of a package runs.

readonly node_console_min=18.0    # esbuild
readonly node_openapi_min=20.19   # the linters
readonly node_browser_min=20.0    # playwright-core

# has_node MAJOR.MINOR: whether there is a Node.js at least as new, with npm.
has_node() {
  command -v node >/dev/null && command -v npm >/dev/null || return 1
  local version
  version=$(node --version)
  printf '%s\n' "$1" "${version#v}" | sort --version-sort --check=quiet
}

# without_node WHAT MAJOR.MINOR: says that it is left out. In CI nothing is left out: there it fails.
without_node() {
  if [[ -n ${CI:-} ]]; then
    echo "$1: this needs Node.js $2 or later with npm, and CI leaves nothing out"
    return 1
  fi
  echo "left out: $1 (needs Node.js $2 or later with npm)"
}

# What the console is bundled from, for the build that follows. A machine without Node.js, or without a way to npm's
# packages, builds the service without a console; CI does not.
prepare_console() {
  if ! has_node "$node_console_min"; then
    without_node "the console" "$node_console_min"
  elif ! npm_packages console; then
    [[ -z ${CI:-} ]] || return 1
    echo "left out: the console (its npm packages could not be installed)"
  fi
}

# What drives the browser in tests/console. Without it those tests fail under ctest.
prepare_browser_tests() {
  if has_node "$node_browser_min"; then
    npm_packages tests/console
  else
    without_node "what drives a browser" "$node_browser_min"
  fi
}

# npm_packages FOLDER: installs what its lock file names, once for each state of that file.
npm_packages() {
  local installed=$1/node_modules/.installed-lock
  if cmp --silent "$1/package-lock.json" "$installed"; then return; fi
  step "Installing the npm packages of $1"
  (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return
  cp "$1/package-lock.json" "$installed"
}
