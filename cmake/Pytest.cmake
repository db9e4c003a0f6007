# portcullis_pytest(NAME TIMEOUT_S [PYTEST-ARGUMENT…]): registers the black-box tests of a folder with ctest. They take
# Debian's interpreter and Debian's pytest (python3-pytest), whatever else is first in PATH.
function(portcullis_pytest NAME TIMEOUT_S)
  add_test(NAME ${NAME}
    COMMAND /usr/bin/python3 -I -B -m pytest -c ${CMAKE_CURRENT_SOURCE_DIR}/pytest.ini ${CMAKE_CURRENT_SOURCE_DIR} ${ARGN})
  set_tests_properties(${NAME} PROPERTIES
    RUN_SERIAL ON
    TIMEOUT ${TIMEOUT_S}
    ENVIRONMENT "PORTCULLIS_BINARY=$<TARGET_FILE:portcullis>;PYTEST_DISABLE_PLUGIN_AUTOLOAD=1;PYTHONDONTWRITEBYTECODE=1")
endfunction()
