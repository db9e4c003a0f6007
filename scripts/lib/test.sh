# ./dev test: everything, part by part, with a summary that names what failed.

readonly test_parts=(suites asan fuzz check) # in the order in which they are made ahead
readonly space_for_tests=9 # GiB: the builds, most of it asan's, and the clusters of the tests that run

ctest_arguments=()

command_test() {
  local -a parts=()
  while (($# > 0)); do
    case $1 in
      suites | check | asan | fuzz | clients) parts+=("$1") ;;
      --) shift; ctest_arguments=("$@"); break ;;
      *) die "test knows the parts ${test_parts[*]} and clients, not '$1'" ;;
    esac
    shift
  done
  ((${#parts[@]} > 0)) || parts=("${test_parts[@]}")
  require_space "$space_for_tests" "./dev test"
  require_packages test
  trap 'exit 130' INT # without it, a build that Ctrl-C ends is one failed part and the next begins
  trap 'exit 143' TERM

  mkdir -p "$run_dir/test"
  rm -f "$run_dir"/test/*.log "$run_dir"/test/ahead-*
  : >"$run_dir/test/counts"
  : >"$run_dir/test/times"
  local began=$SECONDS part outcome counted failed=0
  local -a summary=()
  prepare_ahead "${parts[@]}"
  for part in "${parts[@]}"; do
    counted=$(failures)
    # A subshell of its own: `set -e` must hold inside, which it does not in a function called from an `if`.
    set +e
    (set -e; "test_$part")
    outcome=$?
    set -e
    if ((outcome == 0)); then
      summary+=("passed  $part")
    else
      summary+=("${red}FAILED${plain}  $(printf '%-7s' "$part") again: ./dev test $part")
      failed=$((failed + 1))
      [[ $(failures) != "$counted" ]] || count 1 1 # it did not come as far as its tests
    fi
  done

  step "Where the time went"
  report_times $((SECONDS - began))
  step "Summary"
  printf '%s\n' "${summary[@]}"
  echo
  report "${#parts[@]}" "$failed"
}

# Most tests wait, for a service or a server: what the later parts need is made meanwhile, at a low priority, once the
# release build is there. A part waits for its own.
ahead_pid=

prepare_ahead() { # PART…
  (($# > 1)) || return 0
  trap 'stop_ahead' EXIT
  set -m # a process group of its own, which can be ended as a whole
  (
    trap - EXIT
    chrt --idle --pid 0 "$BASHPID" >/dev/null # what else runs is watched by clocks
    if [[ " $* " == *" suites "* ]]; then
      until [[ -e $run_dir/test/ahead-may-begin ]]; do sleep 1; done
    fi
    for part in asan fuzz check; do
      [[ " $* " == *" $part "* ]] || continue
      outcome=0
      (set -e; "prepare_$part") >"$run_dir/test/ahead-$part.log" 2>&1 || outcome=$?
      echo "$outcome" >"$run_dir/test/ahead-$part.outcome"
    done
  ) &
  ahead_pid=$!
  set +m
}

stop_ahead() { kill -TERM -- "-$ahead_pid" 2>/dev/null || true; }

# Waits for what is made ahead for a part and shows what it printed, or makes it now when nothing is.
prepared() { # PART
  if [[ -z $ahead_pid ]]; then
    "prepare_$1"
    return
  fi
  touch "$run_dir/test/ahead-may-begin" # when the release build has failed
  until [[ -e $run_dir/test/ahead-$1.outcome ]]; do
    kill -0 "$ahead_pid" 2>/dev/null || [[ -e $run_dir/test/ahead-$1.outcome ]] || die "what was to be made for $1 was cut short"
    sleep 0.2
  done
  cat "$run_dir/test/ahead-$1.log"
  return "$(<"$run_dir/test/ahead-$1.outcome")"
}

prepare_asan() { timed "build asan" build asan; }
prepare_fuzz() { timed "build fuzz" build fuzz fuzz/all; }
prepare_check() { timed "check" command_check; }

# timed NAME COMMAND…: notes the seconds that passed and those of processors that the command and its children used.
timed() {
  local name=$1 outcome=0 began=$EPOCHREALTIME before
  shift
  before=$(mktemp)
  times >"$before"
  "$@" || outcome=$?
  times >>"$before"
  awk -v name="$name" -v began="$began" -v ended="$EPOCHREALTIME" '
    function seconds(text, parts) { split(text, parts, /[ms]/); return 60 * parts[1] + parts[2] }
    { used[NR] = seconds($1) + seconds($2) }
    END { printf "%s\t%.0f\t%.0f\n", name, ended - began, used[3] + used[4] - used[1] - used[2] }
  ' "$before" >>"$run_dir/test/times"
  rm -f "$before"
  return "$outcome"
}

readonly slowest_shown=8

# What overlaps is counted twice in the first column, never in the second.
report_times() { # SECONDS-IN-ALL
  printf '%-34s %8s %14s\n' '' 'seconds' 'CPU seconds'
  awk -F'\t' '{ printf "%-34s %8d %14d\n", $1, $2, $3; used += $3 }
    END { printf "%-34s %8d %14d\n", "in all", '"$1"', used }' "$run_dir/test/times"
  local log
  for log in "$run_dir"/test/{release,asan,fuzz}.log; do
    [[ -e $log ]] || continue
    echo "the slowest of $(basename "$log" .log):"
    { grep -E '^ *[0-9]+/[0-9]+ Test' "$log" || true; } | sed -E 's/^.*Test +#[0-9]+: ([^ ]+) .* ([0-9.]+) sec.*/\2 \1/' | sort -rn \
      | head -n "$slowest_shown" | awk '{ printf "  %-32s %8d\n", $2, $1 }'
  done
}

# The last line has ctest's form, over all that ctest counted; what is not ctest's counts as one test each.
report() { # PARTS FAILED
  local ran
  ran=$(awk '{ ran += $1 } END { print ran + 0 }' "$run_dir/test/counts")
  echo "$1 parts, $2 failed"
  echo "$((100 * (ran - $(failures)) / ran))% tests passed, $(failures) tests failed out of $ran"
  (($2 == 0))
}

count() { echo "$1 $2" >>"$run_dir/test/counts"; } # RAN FAILED
failures() { awk '{ failed += $2 } END { print failed + 0 }' "$run_dir/test/counts"; }

# More than there are processors: what takes long is the black-box tests, which wait for most of their time.
tests_at_a_time() { echo $((2 * $(nproc))); }

# Runs the tests of one build; fails when there are none. Their numbers go into the summary.
run_ctest() { # PRESET [CTEST-ARGUMENT…]
  local preset=$1 outcome=0 log=$run_dir/test/$1.log
  shift
  mkdir -p "$run_dir/test"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --parallel "$(tests_at_a_time)" "$@" 2>&1 | tee "$log" \
    || outcome=$?
  sed -n 's/.* \([0-9]*\) tests failed out of \([0-9]*\)$/\2 \1/p' "$log" | while read -r ran failed; do
    count "$ran" "$failed"
  done
  return "$outcome"
}

test_suites() {
  timed "build release" build release release_tests
  touch "$run_dir/test/ahead-may-begin"
  prepare_browser_tests
  step "The tests, on the release build"
  timed "tests of release" run_ctest release -LE '^unoptimized$' "${ctest_arguments[@]}"
}

# A part of the suites, for those who work on the clients alone.
test_clients() {
  timed "build release" build release portcullis
  timed "tests of clients" run_ctest release -R '^clients$' "${ctest_arguments[@]}"
}

test_asan() {
  prepared asan
  step "The tests under the address and undefined-behaviour sanitizers"
  export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
  export UBSAN_OPTIONS="print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
  timed "tests of asan" run_ctest asan "${ctest_arguments[@]}"
}

test_check() {
  local outcome=0
  prepared check || outcome=$?
  count 1 $((outcome != 0))
  return "$outcome"
}

test_fuzz() {
  prepared fuzz
  step "The fuzz targets: regression inputs, then some seconds of new ones"
  timed "tests of fuzz" run_ctest fuzz -L '^fuzz$' "${ctest_arguments[@]}"
}
