# portcullis_pytest(<name> TIMEOUT <seconds> LABEL <label> [SHARDS <count>] [PROCESSORS <count>] [ENVIRONMENT <NAME=value>...] [ARGUMENTS <argument>...])
#
# Registers the black-box tests of a folder with ctest. They take Debian's interpreter and Debian's pytest
# (python3-pytest), whatever else is first in PATH. They wait far more than they compute, so several run at a time:
# SHARDS makes <name>_1, <name>_2 … of them, each with its share of the modules (tests/blackbox/shards.py).
# At its time-out ctest kills, which would leave servers and folders. So a run is told to end a minute before: it says which
# test hung, and takes away what it has started (tests/blackbox/private_cluster.py).
function(portcullis_pytest name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT;LABEL;SHARDS;PROCESSORS" "ENVIRONMENT;ARGUMENTS")
  math(EXPR end_after "${arg_TIMEOUT} - 60")
  set(run timeout --foreground --signal=TERM ${end_after} /usr/bin/python3 -I -B -m pytest -c ${CMAKE_CURRENT_SOURCE_DIR}/pytest.ini ${CMAKE_CURRENT_SOURCE_DIR} --durations 5
      ${arg_ARGUMENTS})
  set(names ${name})
  if(arg_SHARDS)
    set(names "")
    foreach(shard RANGE 1 ${arg_SHARDS})
      list(APPEND names ${name}_${shard})
      add_test(NAME ${name}_${shard} COMMAND ${run} --shard ${shard}/${arg_SHARDS})
    endforeach()
  else()
    add_test(NAME ${name} COMMAND ${run})
  endif()
  if(NOT arg_PROCESSORS)
    set(arg_PROCESSORS 1)
  endif()
  math(EXPR cost "${arg_TIMEOUT} * ${arg_PROCESSORS}")
  set(lacks "")
  if(PORTCULLIS_SANITIZE STREQUAL "thread") # which has a CAF of its own, and no OpenTelemetry that is instrumented
    set(lacks "the OpenTelemetry SDK,a package for each library")
  endif()
  set_tests_properties(${names} PROPERTIES
    PROCESSORS ${arg_PROCESSORS} # of those that ctest has: a share with clusters and replicas of its own keeps two busy
    TIMEOUT ${arg_TIMEOUT} LABELS ${arg_LABEL}
    COST ${cost} # the longest first, and before them what needs two places, which later are hardly ever free at a time
    ENVIRONMENT "PORTCULLIS_BINARY=$<TARGET_FILE:portcullis>;PYTEST_DISABLE_PLUGIN_AUTOLOAD=1;PYTHONDONTWRITEBYTECODE=1;PORTCULLIS_NEEDS_ALL=1;PORTCULLIS_LACKS=${lacks};${arg_ENVIRONMENT}")
endfunction()
