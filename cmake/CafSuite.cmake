# portcullis_caf_suite(<suite> SOURCES <file>... LIBRARIES <target>... [LABEL <label>])
#
# Builds one executable that holds one CAF test suite and registers it with ctest as <suite>. One suite per
# executable, because a failed CAF_REQUIRE aborts the process. A suite that runs no check fails: CAF's own
# runner exits 0 when nothing matched.
function(portcullis_caf_suite suite)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL" "SOURCES;LIBRARIES")
  add_executable(test_${suite} ${arg_SOURCES})
  target_compile_definitions(test_${suite} PRIVATE CAF_SUITE=${suite})
  target_include_directories(test_${suite} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(test_${suite} PRIVATE ${arg_LIBRARIES} CAF::io portcullis::warnings)
  add_test(NAME ${suite} COMMAND test_${suite} -n -r 300 -s "^${suite}$")
  set_tests_properties(${suite} PROPERTIES
    FAIL_REGULAR_EXPRESSION "Checks: +0;tests:   0"
    LABELS "${arg_LABEL}" TIMEOUT 300)
endfunction()
