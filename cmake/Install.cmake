# What `cmake --install` puts where, in the components program, dev and python; cmake/Packages.cmake
# makes a Debian package of each.
include(CMakePackageConfigHelpers)

set(share ${CMAKE_INSTALL_DATADIR}/metaplastic)
install(TARGETS metaplastic RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(DIRECTORY rules DESTINATION ${share} COMPONENT program FILES_MATCHING PATTERN "*.safetensors")
install(DIRECTORY configs DESTINATION ${share} COMPONENT program FILES_MATCHING PATTERN "*.toml")
install(DIRECTORY ${CMAKE_BINARY_DIR}/manual/ DESTINATION ${CMAKE_INSTALL_DATADIR} COMPONENT program OPTIONAL)
install(FILES share/digits.npz DESTINATION ${share} COMPONENT program)
foreach(part program:metaplastic dev:libmetaplastic-dev python:python3-metaplastic)
  string(REPLACE ":" ";" part ${part})
  list(GET part 0 component)
  list(GET part 1 package)
  install(FILES NOTICE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${component})
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} RENAME copyright
          COMPONENT ${component})
endforeach()

# The interface of the library. Each of these compiles on its own (tests/public_headers); the other
# installed headers are what they include, and may change in any version.
set(METAPLASTIC_PUBLIC_HEADERS
    base/error.h base/random.h base/stop.h base/thread_pool.h
    data/data_form.h data/dataset.h data/preprocess.h tasks/task.h tasks/task_family.h tasks/task_forms.h
    apply/apply.h apply/encoder.h apply/encoder_file.h apply/find_rule.h apply/fit_encoder.h
    eval/evaluate.h
    io/config.h io/npy.h io/safetensors.h
    meta/meta_config.h meta/trainer.h
    onnx/export_onnx.h rule/rule_file.h)
install(DIRECTORY src/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/metaplastic COMPONENT dev
        FILES_MATCHING PATTERN "*.h"
        PATTERN "*test*" EXCLUDE PATTERN "*_check.h" EXCLUDE PATTERN "*-inl.h" EXCLUDE
        PATTERN "onnx_*.h" EXCLUDE PATTERN "cli" EXCLUDE PATTERN "inference" EXCLUDE)
install(EXPORT metaplastic NAMESPACE metaplastic:: FILE metaplasticTargets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/metaplastic COMPONENT dev)
configure_package_config_file(cmake/metaplasticConfig.cmake.in metaplasticConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/metaplastic)
write_basic_package_version_file(metaplasticConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/metaplasticConfig.cmake ${CMAKE_BINARY_DIR}/metaplasticConfigVersion.cmake
              cmake/Dependencies.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/metaplastic COMPONENT dev)

if(TARGET metaplastic_python)
  set(package lib/python3/dist-packages/metaplastic)
  install(TARGETS metaplastic_python LIBRARY DESTINATION ${package} COMPONENT python)
  install(DIRECTORY python/metaplastic/ DESTINATION ${package} COMPONENT python
          FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
  # Rules and data of the program's package, found beside the module.
  install(CODE "file(CREATE_LINK ../../../../${share} \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${package}/share\" SYMBOLIC)"
          COMPONENT python)
endif()
