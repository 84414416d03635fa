# cmake -DPROGRAM=FILE -DOUT=DIR -P WriteManual.cmake: manual pages and shell completions, in the
# folders below share/ that they are installed to.
function(write_output file)
  execute_process(COMMAND ${PROGRAM} ${ARGN} OUTPUT_VARIABLE text RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${PROGRAM} ${ARGN} ended with ${status}")
  endif()
  file(WRITE ${OUT}/${file} "${text}")
endfunction()

write_output(man/man1/metaplastic.1 manual)
file(STRINGS ${OUT}/man/man1/metaplastic.1 lines REGEX "see .*metaplastic")
foreach(line ${lines})
  string(REGEX MATCH "metaplastic[\\]-([a-z]+)" found "${line}")
  write_output(man/man1/metaplastic-${CMAKE_MATCH_1}.1 manual ${CMAKE_MATCH_1})
endforeach()
write_output(bash-completion/completions/metaplastic completion bash)
write_output(zsh/vendor-completions/_metaplastic completion zsh)
write_output(fish/vendor_completions.d/metaplastic.fish completion fish)
