# What the commands of ./dev share. Sourced from the project's root.

readonly run_dir=$PWD/.run
readonly cluster_dir=$run_dir/postgres

if [[ -t 1 ]]; then bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'; else bold='' red='' plain=''; fi

step() { echo "${bold}==> $*${plain}"; }
die() { echo "${red}dev: $*${plain}" >&2; exit 1; }

# require_space GIB WHAT: fails now where a full disk would end a build or a test later, each in words of its own. What the
# builds take already counts as there.
require_space() {
  local free taken=0
  free=$(($(stat --file-system --format='%a * %S' .) >> 30))
  [[ ! -d build ]] || taken=$(du --summarize --block-size=1G build | cut -f1)
  ((free + taken >= $1)) || die "$2 takes up to $1 GiB in $PWD, and $free are free"
}

# A job of this code base's templates takes up to 1.5 GB: as many at a time as cores and memory allow.
build_jobs() {
  local by_memory
  by_memory=$(awk '/^MemAvailable:/ { print int($2 / 1024 / 1536) }' /proc/meminfo)
  local jobs
  jobs=$(nproc)
  ((by_memory >= jobs)) || jobs=$by_memory
  echo $((jobs > 0 ? jobs : 1))
}

# build PRESET [TARGET…]: configures build/PRESET when it is new and builds it. ninja shows its progress.
build() {
  local preset=$1
  shift
  prepare_console || return
  if [[ ! -f build/$preset/build.ninja ]]; then
    step "Configuring build/$preset"
    cmake --preset "$preset" || return
  fi
  step "Building build/$preset${*:+: $*}"
  # So that ccache knows a clone in another directory for the same sources.
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  cmake --build "build/$preset" --parallel "$(build_jobs)" ${@:+--target "$@"}
}
