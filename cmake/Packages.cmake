# Debian packages by CPack: `cpack -G DEB` in the build tree, or the target `package`.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME metaplastic)
set(CPACK_PACKAGE_CONTACT "The Metaplastic authors <metaplastic@users.noreply.github.com>")
set(CPACK_PACKAGE_VENDOR Metaplastic)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # what the binaries link, with the versions they need
set(CPACK_COMPONENTS_ALL program dev)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME metaplastic)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "Features without labels by a meta-learned update rule
 Trains small networks on unlabelled data with a neuron-local, meta-learned rule; meta-trains such rules.")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "dataset-fashion-mnist")
# dpkg-shlibdeps sees what is linked; what is loaded later is added by the package that has the file.
get_property(loaded GLOBAL PROPERTY METAPLASTIC_LOADED)
set(packages "")
foreach(file ${loaded})
  file(REAL_PATH ${file} file)
  execute_process(COMMAND dpkg-query -S ${file} OUTPUT_VARIABLE found ERROR_QUIET)
  if(found MATCHES "^([^:]+):")
    # Any of OpenBLAS's builds will do, of which one has the file.
    string(REGEX REPLACE "^libopenblas0-.*" "libopenblas0" package ${CMAKE_MATCH_1})
    list(APPEND packages ${package})
  endif()
endforeach()
list(JOIN packages ", " CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS)

# Static libraries: whoever links them links these, too.
file(STRINGS ${CMAKE_SOURCE_DIR}/tools/packages.txt lines)
set(group "")
set(libraries "")
foreach(line ${lines})
  if(line MATCHES "^\\[(.*)\\]$")
    set(group ${CMAKE_MATCH_1})
  elseif(group STREQUAL product AND line MATCHES "^(lib[^ ]*-dev|nlohmann-json3-dev|zlib1g-dev|pkg-config)$")
    list(APPEND libraries ${line})
  endif()
endforeach()
if(METAPLASTIC_HAVE_MPI)
  list(APPEND libraries libopenmpi-dev)
endif()
list(JOIN libraries ", " libraries)
set(CPACK_DEBIAN_DEV_PACKAGE_NAME libmetaplastic-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${libraries}")
set(CPACK_DEBIAN_DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_COMPONENT_DEV_DESCRIPTION "Metaplastic as a C++20 library
 Headers, static libraries and a CMake package.")

if(TARGET metaplastic_python)
  list(APPEND CPACK_COMPONENTS_ALL python)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-metaplastic)
  set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
  # python/CMakeLists.txt found it too, in a scope of its own.
  find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
  math(EXPR next_minor "${Python3_VERSION_MINOR} + 1")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS
      "metaplastic (= ${PROJECT_VERSION}), python3 (>= 3.${Python3_VERSION_MINOR}), python3 (<< 3.${next_minor}), python3-numpy")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS "python3-sklearn")
  set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "python3-distributed, python3-pandas, python3-matplotlib")
  set(CPACK_COMPONENT_PYTHON_DESCRIPTION "Metaplastic for Python: a scikit-learn transformer, meta-training
 Bindings and the package metaplastic.")
endif()
include(CPack)
