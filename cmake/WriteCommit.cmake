# cmake -DSOURCE=DIR -DOUT=FILE -P WriteCommit.cmake: FILE defines metaplastic::build_commit(). It is
# written only when the commit has changed, so that an unchanged tree builds nothing.
set(commit "unknown")
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                  OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
  if(status EQUAL 0)
    set(commit "${found}")
  endif()
endif()
set(text "#include \"experiments/build_commit.h\"\nnamespace metaplastic {\nconst char* build_commit() { return \"${commit}\"; }\n}  // namespace metaplastic\n")
set(old "")
if(EXISTS ${OUT})
  file(READ ${OUT} old)
endif()
if(NOT text STREQUAL old)
  file(WRITE ${OUT} "${text}")
endif()
