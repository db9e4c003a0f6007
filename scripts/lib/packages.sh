# Debian packages: what each command needs, and how it gets there without waking any service of the system.

packages_for() { # build | console | run | test | tsan | bench | package
  case $1 in
    build)
      echo g++ cmake ninja-build ccache mold libcaf-dev libpq-dev libssl-dev libspdlog-dev \
        libicu-dev libcurl4-openssl-dev libcli11-dev python3 python3-yaml
      echo "$(boost_package libboost)" "$(boost_package libboost-json)"
      ;;
    console) packages_for build; echo nodejs; npm_package ;;
    run) packages_for build; echo postgresql python3 ;;
    test)
      packages_for run
      echo python3-pytest python3-hypothesis python3-jsonschema curl openssl pgbouncer clang "libclang-rt-$(clang_major)-dev" clang-format \
        clang-tidy shellcheck pyflakes3
      [[ $(clang_major) != 14 ]] || echo libclang-14-dev llvm-14-dev # scripts/tidy_scope.cpp
      echo nginx-light caddy haproxy apache2 libapache2-mod-auth-openidc # the gateways of examples/
      echo prometheus python3-prometheus-client                                                    # reads /metrics and the alert rules
      echo nodejs golang-go                                              # the languages of examples/subscribers
      npm_package
      echo valgrind # counts instructions
      echo zsh      # runs the completions
      echo chromium fonts-dejavu-core # the console is driven in it
      ;;
    tsan) packages_for test; echo xz-utils ;;
    bench)
      packages_for run
      echo wrk nginx-light redis-server
      echo strace valgrind # count for the ledger
      echo golang-go golang-github-gin-gonic-gin-dev golang-github-jackc-pgx-v4-dev # the Go peer
      ;;
    package) packages_for build; echo debhelper dpkg-dev fakeroot lintian help2man debootstrap postgresql ;;
  esac
}

# Node.js of other makers brings npm along and cannot live beside Debian's package of it.
npm_package() { command -v npm >/dev/null || echo npm; }

# Debian 12 calls the first Boost with all that is used here 1.81, next to its default 1.74; Debian 13 has 1.83.
boost_package() { # libboost | libboost-json
  case $(debian_release) in
    12) echo "${1}1.81-dev" ;;
    *) echo "${1}1.83-dev" ;;
  esac
}

clang_major() {
  case $(debian_release) in
    12) echo 14 ;;
    *) echo 19 ;;
  esac
}

debian_release() { (. /etc/os-release && echo "${VERSION_ID:-unknown}"); }

# Built in where they are to be had: without them the exporters take `none` alone. Debian 12 has the SDK in its
# backports.
optional_packages() { echo opentelemetry-cpp-dev libabsl-dev libprotozero-dev zlib1g-dev; }

# The backports of Debian 12, from the mirror that the machine takes Debian itself from.
backports_source() {
  # shellcheck disable=SC2016 # apt's own variable
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Release: bookworm' | sort -u | head -n 1 \
    | sed 's|.*|deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] & bookworm-backports main|'
}

is_installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

require_packages() { # GROUP
  local -a wanted missing=()
  local package
  command -v dpkg-query >/dev/null || die "this needs Debian 12 or 13; elsewhere install what scripts/lib/packages.sh lists"
  mapfile -t wanted < <(packages_for "$1" | tr ' ' '\n' | sort -u)
  for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then
    offer_optional_packages
    return 0
  fi

  case $(debian_release) in 12 | 13) ;; *) die "this is not Debian 12 or 13; needed: ${missing[*]}" ;; esac
  if [[ $(id -u) != 0 ]]; then
    die "\`./dev $1\` needs packages that this machine lacks, and only root can install them. Run

  sudo ./dev install $1

which starts no service and keeps Debian from making a system cluster; it amounts to

  apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
  step "Installing what \`./dev $1\` needs and this machine lacks: ${missing[*]}"
  install_packages "${missing[@]}"
  offer_optional_packages
}

# Tried once for each list: a machine whose mirror does not have them is not asked again at every command.
offer_optional_packages() {
  local tried=$run_dir/optional-packages-tried package
  local -a wanted missing=()
  read -ra wanted < <(optional_packages)
  for package in "${wanted[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  ((${#missing[@]} > 0)) && [[ $(id -u) == 0 && $(cat "$tried" 2>/dev/null) != "${wanted[*]}" ]] || return 0
  mkdir -p "$run_dir"
  echo "${wanted[*]}" >"$tried"
  step "Installing the OpenTelemetry SDK: ${missing[*]}"
  if ! install_packages "${missing[@]}"; then
    echo "OpenTelemetry could not be installed and is left out (BACKEND_OTEL_*_EXPORTER then take none alone)" >&2
  fi
}

# Installs without starting anything: no system PostgreSQL cluster, no nginx. Whatever said so before says so after.
install_packages() (
  policy=/usr/sbin/policy-rc.d
  no_cluster=/etc/postgresql-common/createcluster.d/portcullis-dev.conf
  backports=/etc/apt/sources.list.d/portcullis-backports.list
  restore() {
    rm -f "$policy" "$no_cluster" "$backports"
    [[ ! -e $policy.portcullis-saved ]] || mv "$policy.portcullis-saved" "$policy"
  }
  trap restore EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM

  if [[ -e $policy ]] && ! grep -q portcullis "$policy"; then # ours can be left over from a killed run
    mv "$policy" "$policy.portcullis-saved"
  fi
  printf '#!/bin/sh\n# portcullis: ./dev is installing packages\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  mkdir -p "$(dirname "$no_cluster")"
  echo "create_main_cluster = false" >"$no_cluster"

  export DEBIAN_FRONTEND=noninteractive
  if [[ $(debian_release) == 12 && " $* " == *" opentelemetry-cpp-dev "* ]]; then
    [[ -n $(apt-cache search --names-only '^opentelemetry-cpp-dev$') ]] || backports_source >"$backports"
  fi
  apt-get update -q
  # --no-remove: a developer's other packages are not ours to exchange.
  apt-get install -yq --no-install-recommends --no-remove "$@"
)
