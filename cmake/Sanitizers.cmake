set(PORTCULLIS_SANITIZE "" CACHE STRING "Sanitizer build: empty, 'address' (with undefined behaviour) or 'thread'")
set_property(CACHE PORTCULLIS_SANITIZE PROPERTY STRINGS "" address thread)

if(PORTCULLIS_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Instrumented code hides from g++ 12 that a std::function or an optional was initialized. The sanitizers see for themselves.
  add_compile_options(-Wno-maybe-uninitialized)
endif()

if(PORTCULLIS_SANITIZE STREQUAL "address")
  # CAF's headers bind references through null in places that never read them, and take the end of an empty mailbox for one
  # of its messages: null and vptr are left out.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=null,vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(PORTCULLIS_SANITIZE STREQUAL "thread")
  # The sanitizer does not model fences, and g++ warns of each. Only Boost.Asio has some, in an example of a client.
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
  add_link_options(-fsanitize=thread)
elseif(PORTCULLIS_SANITIZE)
  message(FATAL_ERROR "PORTCULLIS_SANITIZE takes 'address' or 'thread', not '${PORTCULLIS_SANITIZE}'")
endif()
