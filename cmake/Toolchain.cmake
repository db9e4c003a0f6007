# Faster builds where the machine offers them; nothing depends on either.
find_program(PORTCULLIS_CCACHE ccache)
find_program(PORTCULLIS_MOLD mold)
mark_as_advanced(PORTCULLIS_CCACHE PORTCULLIS_MOLD)

if(PORTCULLIS_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${PORTCULLIS_CCACHE})
endif()
if(PORTCULLIS_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
