# The flags of our own code, never of a dependency's.
add_library(portcullis_warnings INTERFACE)
add_library(portcullis::warnings ALIAS portcullis_warnings)
target_compile_options(portcullis_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align
  -Wno-overlength-strings # of the standard's 65 536 bytes: the embedded documents are longer, and no compiler minds
  -Werror)
