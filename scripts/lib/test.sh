# ./dev test: everything, part by part, with a summary that names what failed.

readonly test_parts=(suites check asan fuzz)
readonly fuzz_seconds=${PORTCULLIS_FUZZ_SECONDS:-15} # of new inputs, per target

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

  mkdir -p "$run_dir/test"
  : >"$run_dir/test/counts"
  local part began outcome failed=0
  local -a summary=()
  for part in "${parts[@]}"; do
    began=$SECONDS
    # A subshell of its own: `set -e` must hold inside, which it does not in a function called from an `if`.
    set +e
    (set -e; "test_$part")
    outcome=$?
    set -e
    if ((outcome == 0)); then
      summary+=("$(printf 'passed  %-7s %4d s' "$part" $((SECONDS - began)))")
    elif ((outcome >= 128)); then
      exit "$outcome" # interrupted
    else
      summary+=("$(printf '%sFAILED%s  %-7s %4d s   again: ./dev test %s' "$red" "$plain" "$part" $((SECONDS - began)) "$part")")
      failed=$((failed + 1))
    fi
  done

  step "Summary"
  printf '%s\n' "${summary[@]}"
  echo
  report "${#parts[@]}" "$failed"
}

# The last line has ctest's form, over all that ctest counted; the parts that are not ctest's count as one test each.
report() { # PARTS FAILED
  local ran not_passed
  read -r ran not_passed < <(awk '{ ran += $1; failed += $2 } END { print ran + 0, failed + 0 }' "$run_dir/test/counts")
  echo "$1 parts, $2 failed"
  ((ran > 0)) || ran=$1 not_passed=$2
  if (($2 > 0 && not_passed == 0)); then not_passed=$2; fi
  echo "$((100 * (ran - not_passed) / ran))% tests passed, $not_passed tests failed out of $ran"
  (($2 == 0))
}

count() { echo "$1 $2" >>"$run_dir/test/counts"; } # RAN FAILED

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
  build fuzz fuzz_targets
  local target name
  local -a targets
  mapfile -t targets < <(find build/fuzz/fuzz -maxdepth 1 -type f -executable -name 'fuzz_*' | sort)
  ((${#targets[@]} > 0)) || die "no fuzz target was built"
  for target in "${targets[@]}"; do
    name=$(basename "$target")
    fuzz_one "$target" "fuzz/corpus/${name#fuzz_}" "$run_dir/fuzz/${name#fuzz_}"
  done
}

fuzz_one() { # BINARY REGRESSION_INPUTS FINDINGS
  local outcome=0
  [[ -n $(ls -A "$2") ]] || die "$2 holds no regression input"
  mkdir -p "$3/corpus"
  step "$(basename "$1"): $(find "$2" -type f | wc -l) regression inputs, then $fuzz_seconds s of new ones"
  "$1" -runs=0 -print_final_stats=0 -artifact_prefix="$3/" "$2" \
    && "$1" -max_total_time="$fuzz_seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$3/" "$3/corpus" "$2" \
    || outcome=$?
  count 1 $((outcome != 0))
  ((outcome == 0)) || echo "the input that did it is in $3; once fixed, keep it in $2" >&2
  return "$outcome"
}
