# metaplastic_loads(target NAME FILE INCLUDE_DIRS..): the target loads the library FILE when it first
# needs it (src/base/system_library.h). METAPLASTIC_<NAME>_FILE is the name that the loader knows it by.
function(metaplastic_loads target name file)
  execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${file} OUTPUT_VARIABLE headers RESULT_VARIABLE status ERROR_QUIET)
  if(NOT status EQUAL 0 OR NOT headers MATCHES "SONAME +([^\n ]+)")
    message(FATAL_ERROR "${file}: expected a shared library with a SONAME; METAPLASTIC needs it for ${name}")
  endif()
  target_compile_definitions(${target} PRIVATE METAPLASTIC_${name}_FILE="${CMAKE_MATCH_1}")
  target_include_directories(${target} SYSTEM PRIVATE ${ARGN})
  set_property(GLOBAL APPEND PROPERTY METAPLASTIC_LOADED ${file})
endfunction()
