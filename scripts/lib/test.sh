# ./dev test: everything, part by part, with a summary that names what failed.

readonly test_parts=(suites check asan fuzz)

ctest_arguments=()

command_test() {
  local -a parts=()
  while (($# > 0)); do
    case $1 in
      suites | check | asan | fuzz) parts+=("$1") ;;
      --) shift; ctest_arguments=("$@"); break ;;
      *) die "test knows the parts ${test_parts[*]}, not '$1'" ;;
    esac
    shift
  done
  ((${#parts[@]} > 0)) || parts=("${test_parts[@]}")
  require_packages test
  trap 'exit 130' INT # without it, a build that Ctrl-C ends is one failed part and the next begins
  trap 'exit 143' TERM

  mkdir -p "$run_dir/test"
  : >"$run_dir/test/counts"
  local part began outcome failed=0 counted
  local -a summary=()
  for part in "${parts[@]}"; do
    began=$SECONDS
    counted=$(failures)
    # A subshell of its own: `set -e` must hold inside, which it does not in a function called from an `if`.
    set +e
    (set -e; "test_$part")
    outcome=$?
    set -e
    if ((outcome == 0)); then
      summary+=("$(printf 'passed  %-7s %4d s' "$part" $((SECONDS - began)))")
    else
      summary+=("$(printf '%sFAILED%s  %-7s %4d s   again: ./dev test %s' "$red" "$plain" "$part" $((SECONDS - began)) "$part")")
      failed=$((failed + 1))
      [[ $(failures) != "$counted" ]] || count 1 1 # it did not come as far as its tests
    fi
  done

  step "Summary"
  printf '%s\n' "${summary[@]}"
  echo
  report "${#parts[@]}" "$failed"
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

# Runs the tests of one build; fails when there are none. Their numbers go into the summary.
run_ctest() { # PRESET [CTEST-ARGUMENT…]
  local preset=$1 outcome=0 log=$run_dir/test/$1.log
  shift
  mkdir -p "$run_dir/test"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --parallel "$(nproc)" "$@" 2>&1 | tee "$log" \
    || outcome=$?
  sed -n 's/.* \([0-9]*\) tests failed out of \([0-9]*\)$/\2 \1/p' "$log" | while read -r ran failed; do
    count "$ran" "$failed"
  done
  return "$outcome"
}

test_suites() {
  build release
  step "The tests, on the release build"
  run_ctest release "${ctest_arguments[@]}"
}

test_asan() {
  build asan
  step "The tests under the address and undefined-behaviour sanitizers"
  export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
  export UBSAN_OPTIONS="print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
  run_ctest asan "${ctest_arguments[@]}"
}

test_check() {
  local outcome=0
  command_check || outcome=$?
  count 1 $((outcome != 0))
  return "$outcome"
}

test_fuzz() {
  build fuzz fuzz/all
  step "The fuzz targets: regression inputs, then some seconds of new ones"
  run_ctest fuzz -L '^fuzz$' "${ctest_arguments[@]}"
}
