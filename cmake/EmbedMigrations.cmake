# portcullis_embed_migrations(<directory> <output.cpp>)
#
# Turns <directory>/NNNNN_name.sql into a source file that defines portcullis::db::embedded_migrations(), made again
# whenever a file changes, comes or goes. Also the script that writes it (cmake -P).
if(CMAKE_SCRIPT_MODE_FILE)
  set(entries "")
  foreach(file IN LISTS MIGRATIONS)
    get_filename_component(name ${file} NAME_WE)
    string(REGEX MATCH "^[0-9]+" digits ${name})
    string(REGEX REPLACE "^0+" "" number ${digits})
    file(READ ${file} sql)
    string(APPEND entries "    {${number}, \"${name}\", R\"__sql__(${sql})__sql__\"},\n")
  endforeach()
  file(WRITE ${OUTPUT}.new
    "#include \"db/migrations.hpp\"\n\n"
    "namespace portcullis::db {\n\n"
    "const std::vector<migration>& embedded_migrations() {\n"
    "  static const std::vector<migration> all{\n${entries}  };\n"
    "  return all;\n"
    "}\n\n"
    "} // namespace portcullis::db\n")
  file(RENAME ${OUTPUT}.new ${OUTPUT})
  return()
endif()

set(portcullis_embed_script ${CMAKE_CURRENT_LIST_FILE})

function(portcullis_embed_migrations directory output)
  file(GLOB migrations CONFIGURE_DEPENDS ${directory}/*.sql)
  list(SORT migrations)
  set(numbers "")
  foreach(file IN LISTS migrations)
    get_filename_component(name ${file} NAME)
    if(NOT name MATCHES "^([0-9][0-9][0-9][0-9][0-9])_[a-z0-9_]+\\.sql$")
      message(FATAL_ERROR "${file}: a migration is named NNNNN_name.sql")
    endif()
    if(CMAKE_MATCH_1 IN_LIST numbers)
      message(FATAL_ERROR "${file}: there is another migration of this number")
    endif()
    list(APPEND numbers ${CMAKE_MATCH_1})
  endforeach()
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} "-DMIGRATIONS=${migrations}" -DOUTPUT=${output} -P ${portcullis_embed_script}
    DEPENDS ${migrations} ${portcullis_embed_script}
    COMMENT "Embedding the migrations" VERBATIM)
endfunction()
