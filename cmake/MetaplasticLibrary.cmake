# metaplastic_library(base DEPENDS a b): a static library from all src/<name>/*.cc that are no tests;
# with METAPLASTIC_TESTS also the program <name>_test from src/<name>/*_test.cc, and its CTest entries.
set(METAPLASTIC_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                         -Wnon-virtual-dtor -Woverloaded-virtual)
if(METAPLASTIC_WERROR)
  list(APPEND METAPLASTIC_WARNINGS -Werror)
endif()
# GCC 12 reports overlapping copies inside std::string that cannot happen (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND METAPLASTIC_WARNINGS -Wno-restrict)
endif()
# No contraction surprises between translation units, and no value-changing shortcuts.
set(METAPLASTIC_OPTIONS -ffp-contract=off -fno-math-errno -fno-trapping-math)
if(METAPLASTIC_SANITIZE)
  list(APPEND METAPLASTIC_OPTIONS -fsanitize=${METAPLASTIC_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${METAPLASTIC_SANITIZE})
  # AddressSanitizer stops at a null pointer, too; UBSan's check of every use takes a sixth of the compile time.
  if(METAPLASTIC_SANITIZE MATCHES address)
    list(APPEND METAPLASTIC_OPTIONS -fno-sanitize=null)
  endif()
  # GCC's manual: with sanitizers this warning has false positives (here, members of std::optional).
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND METAPLASTIC_WARNINGS -Wno-maybe-uninitialized)
  endif()
endif()

# In a unity build (CMakeLists.txt) types of anonymous namespaces seem to GCC to come from headers.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_UNITY_BUILD)
  list(APPEND METAPLASTIC_WARNINGS -Wno-subobject-linkage)
endif()

# With sanitizers -Og compiles in two thirds of the time of -O1. These folders keep the build type's
# optimisation: their loops are most of the time of the tests.
set(METAPLASTIC_LOOPS "^metaplastic_(tensor|data|tasks|model|neighbours|rule|objective|baselines)$")

function(metaplastic_target_options target)
  target_compile_options(${target} PRIVATE ${METAPLASTIC_WARNINGS} ${METAPLASTIC_OPTIONS})
  if(METAPLASTIC_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT target MATCHES "${METAPLASTIC_LOOPS}")
    target_compile_options(${target} PRIVATE -Og)
  endif()
endfunction()

function(metaplastic_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;TEST_DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(sources)
    add_library(metaplastic_${name} STATIC ${sources})
    target_include_directories(metaplastic_${name} PUBLIC
      $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/metaplastic>)
    target_link_libraries(metaplastic_${name} PUBLIC ${ARG_DEPENDS})
    metaplastic_target_options(metaplastic_${name})
  else()
    add_library(metaplastic_${name} INTERFACE)
    target_include_directories(metaplastic_${name} INTERFACE
      $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/metaplastic>)
    target_link_libraries(metaplastic_${name} INTERFACE ${ARG_DEPENDS})
  endif()
  install(TARGETS metaplastic_${name} EXPORT metaplastic COMPONENT dev)
  if(METAPLASTIC_TESTS AND tests)
    metaplastic_test(${name}_test SOURCES ${tests} DEPENDS metaplastic_${name} ${ARG_TEST_DEPENDS})
  endif()
endfunction()

function(metaplastic_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
  metaplastic_target_options(${name})
  # The tests' own code runs for seconds, and takes 40 % less time to compile than with -O3.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 600)
endfunction()
