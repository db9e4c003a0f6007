# portcullis_embed_openapi(<output.cpp>)
#
# docs/openapi.yaml as JSON in a source file. Takes Debian's interpreter and its python3-yaml, whatever else is first in
# PATH.
set(portcullis_embed_assets ${CMAKE_CURRENT_LIST_DIR}/embed_assets.py)

function(portcullis_embed_openapi output)
  set(document ${CMAKE_SOURCE_DIR}/docs/openapi.yaml)
  add_custom_command(OUTPUT ${output}
    COMMAND /usr/bin/python3 -I -B ${portcullis_embed_assets} openapi ${document} ${output}
    DEPENDS ${document} ${portcullis_embed_assets}
    COMMENT "Embedding the OpenAPI document" VERBATIM)
endfunction()

set(PORTCULLIS_CONSOLE AUTO CACHE STRING "The operators' console: ON, OFF, or AUTO: where Node.js and its packages are")

# portcullis_embed_console(<output.cpp>)
#
# The console's files, bundled from console/, in a source file. Without Node.js, or without the packages of console/
# (`./dev build` installs them), the build has no console and says so.
function(portcullis_embed_console output)
  set(source ${CMAKE_SOURCE_DIR}/console)
  set(bundle ${CMAKE_BINARY_DIR}/console)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source}/package-lock.json)
  find_program(PORTCULLIS_NODE node)
  set(has_console FALSE)
  if(PORTCULLIS_NODE AND EXISTS ${source}/node_modules/esbuild)
    set(has_console TRUE)
  endif()
  if(PORTCULLIS_CONSOLE STREQUAL "ON" AND NOT has_console)
    message(FATAL_ERROR "The console needs Node.js and the packages of console/: (cd console && npm ci --ignore-scripts)")
  endif()
  if(PORTCULLIS_CONSOLE STREQUAL "OFF" OR NOT has_console)
    message(STATUS "The console is left out: it needs Node.js and the packages of console/")
    file(MAKE_DIRECTORY ${bundle}.none)
    add_custom_command(OUTPUT ${output}
      COMMAND /usr/bin/python3 -I -B ${portcullis_embed_assets} console ${bundle}.none ${output}
      DEPENDS ${portcullis_embed_assets}
      COMMENT "Leaving the console out" VERBATIM)
    return()
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${source}/src/*)
  add_custom_command(OUTPUT ${output}
    COMMAND ${PORTCULLIS_NODE} ${source}/build.mjs ${bundle}
    COMMAND /usr/bin/python3 -I -B ${portcullis_embed_assets} console ${bundle} ${output}
    DEPENDS ${sources} ${source}/build.mjs ${source}/package-lock.json ${portcullis_embed_assets}
    COMMENT "Bundling and embedding the console" VERBATIM)
endfunction()
