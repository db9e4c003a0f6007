# portcullis_caf_suite(<suite> SOURCES <file>... LIBRARIES <target>... [LABEL <label>] [OPTIMIZED])
#
# Builds one executable that holds one CAF test suite and registers it with ctest as <suite>. One suite per
# executable, because a failed CAF_REQUIRE aborts the process. Linking is not what costs (mold: a tenth of a second).
#
# The test's own sources are compiled without optimization: what takes time is their templates, and what they test is in
# the libraries, which are compiled as the build says. OPTIMIZED is for suites that do much work in headers or count what
# the optimizer leaves. The others have the label `unoptimized`: `./dev test` runs them under the sanitizers alone.
#
# The runner of CAF 0.17.6 exits 0 when no test matched or no check ran, so the summary is read instead: a
# suite without tests fails, and so does a test without checks. It shows which check failed only at verbosity 4,
# which prints every check that held too: look for the lines that begin with `!!`.
#
# The runner ends a suite in which one test takes 300 s (-r), ctest one that takes 900 s in all: only a hang does. Suites that
# take 45 s by themselves take many times that on a machine that others keep busy.
#
# `main` and the runner come from a library that is compiled once (4 s): a test needs no more than
# caf/test/unit_test.hpp, or caf/test/dsl.hpp for actors. One that includes caf/test/unit_test_impl.hpp brings its
# own, the library's stays out, and those 4 s are spent once more: none does.
add_library(portcullis_caf_main STATIC ${CMAKE_CURRENT_LIST_DIR}/caf_main.cpp)
target_link_libraries(portcullis_caf_main PUBLIC CAF::io)

function(portcullis_caf_suite suite)
  cmake_parse_arguments(PARSE_ARGV 1 arg "OPTIMIZED" "LABEL" "SOURCES;LIBRARIES")
  add_executable(test_${suite} ${arg_SOURCES})
  target_compile_definitions(test_${suite} PRIVATE CAF_SUITE=${suite})
  set(labels ${arg_LABEL})
  if(arg_OPTIMIZED)
    add_dependencies(release_tests test_${suite})
  else()
    target_compile_options(test_${suite} PRIVATE -O0)
    list(APPEND labels unoptimized)
  endif()
  target_include_directories(test_${suite} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(test_${suite} PRIVATE ${arg_LIBRARIES} portcullis_caf_main portcullis::warnings)
  # The filter is a regular expression when g++ built the runner and an exact name when clang did: a bare name is both.
  add_test(NAME ${suite} COMMAND test_${suite} -n -v 4 -r 300 -s ${suite})
  set_tests_properties(${suite} PROPERTIES
    FAIL_REGULAR_EXPRESSION "tests:   0;checks:  0;-> 0 check "
    LABELS "${labels}" TIMEOUT 900)
endfunction()
