# ccache, where it is found and no launcher was given. Paths below the checkout are taken relative to the
# build tree, so that a fresh clone elsewhere finds what another one compiled.
set(METAPLASTIC_CCACHE AUTO CACHE STRING "Compile through ccache: OFF, or AUTO (where it is found)")
if(NOT METAPLASTIC_CCACHE STREQUAL "OFF" AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(CCACHE_PROGRAM ccache)
  mark_as_advanced(CCACHE_PROGRAM)
  if(CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE_PROGRAM})
    # What unity builds include has its full path as __FILE__.
    add_compile_options(-fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=)
  endif()
endif()
