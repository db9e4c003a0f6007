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
