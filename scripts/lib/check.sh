# ./dev check: what a reviewer should not have to look for.

readonly checks=(format shell python layers compose kustomize docs openapi house tidy)
readonly llvm_major=14 # Debian 12's; other versions format and warn differently

command_check() {
  local -a wanted=("$@")
  ((${#wanted[@]} > 0)) || wanted=("${checks[@]}")
  require_packages test
  local check outcome failed=()
  for check in "${wanted[@]}"; do
    [[ " ${checks[*]} " == *" $check "* ]] || die "check knows ${checks[*]}, not '$check'"
    step "Checking: $check"
    outcome=0
    "check_$check" || outcome=$?
    ((outcome == 0)) || failed+=("$check")
  done
  ((${#failed[@]} == 0)) || { echo "${red}failed: ${failed[*]}${plain}"; return 1; }
}

command_fmt() {
  require_packages test
  has_llvm clang-format || die "clang-format $llvm_major is needed: another version would reformat what it formatted"
  sources '*.cpp' '*.hpp' | xargs -r clang-format -i
}

# Tracked files and new ones, those that git ignores left out.
sources() { git ls-files --cached --others --exclude-standard --deduplicate -- "$@"; }

has_llvm() { [[ $("$1" --version) == *"version $llvm_major."* ]]; }

check_format() {
  if ! has_llvm clang-format; then
    echo "left out: this is not clang-format $llvm_major"
    return
  fi
  sources '*.cpp' '*.hpp' | xargs -r clang-format --dry-run -Werror
}

check_tidy() {
  if ! has_llvm clang-tidy; then
    echo "left out: this is not clang-tidy $llvm_major"
    return
  fi
  build release portcullis || return # the sources that the build generates are included by others
  scripts/tidy build/release
}

check_shell() {
  local -a scripts
  mapfile -t scripts < <(sources | xargs grep -lsE -m 1 '^#!(/usr/bin/env bash|/bin/(ba)?sh)')
  local script outcome=0
  for script in "${scripts[@]}" scripts/lib/*.sh; do
    bash -n "$script" || outcome=1
  done
  shellcheck --external-sources "${scripts[@]}" || outcome=1
  return "$outcome"
}

# Names that are not there, and imports that nothing uses.
check_python() {
  local -a scripts
  mapfile -t scripts < <({ sources '*.py'; sources | xargs grep -lsE -m 1 '^#!/usr/bin/(env )?python3'; } | sort -u)
  pyflakes3 "${scripts[@]}"
}

check_layers() { scripts/check-layers && scripts/check-layers --self-test; }
check_docs() { scripts/check-docs; }

readonly openapi_lint=tests/openapi/lint

check_openapi() {
  scripts/check-openapi-changes && scripts/check-openapi-changes --self-test || return
  if ! has_node "$node_openapi_min"; then
    without_node "the linters of OpenAPI" "$node_openapi_min"
    return
  fi
  npm_packages "$openapi_lint" || return
  local bin=$openapi_lint/node_modules/.bin
  "$bin/spectral" lint --ruleset "$openapi_lint/spectral.yaml" --fail-severity warn --quiet docs/openapi.yaml || return
  REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
    "$bin/redocly" lint --config "$openapi_lint/redocly.yaml" docs/openapi.yaml 2>&1 | grep -v '[║╔╚]'
  return "${PIPESTATUS[0]}"
}

check_compose() {
  scripts/check-compose docker-compose.yml || return
  if docker compose version >/dev/null 2>&1; then
    docker compose --file docker-compose.yml config --quiet
  fi
}

check_kustomize() { scripts/check-kustomize packaging/kustomize/base && scripts/check-helm packaging/helm/portcullis; }

readonly source_lines_max=500

check_house() {
  local outcome=0 found
  found=$(sources src tests ':!*/package-lock.json' | xargs wc -l | awk -v max="$source_lines_max" '$2 != "total" && $1 > max')
  [[ -z $found ]] || { echo "over $source_lines_max lines, so surely two things in one file:"; echo "$found"; outcome=1; }
  found=$(sources | xargs grep -nIE '/(home|root|Users)/[A-Za-z0-9_]') && { echo "paths of somebody's machine:"; echo "$found"; outcome=1; }
  found=$(sources src tests bench fuzz | xargs grep -nIwE 'TODO|FIXME|XXX') && { echo "left half-way:"; echo "$found"; outcome=1; }
  return "$outcome"
}
