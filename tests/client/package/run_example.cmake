# Installs the client library into a directory of its own, builds the example program against that
# package alone, and runs it: without a cluster it must say that PD cannot be reached.
#
# Variables: BUILD_DIR, EXAMPLE_DIR, WORK_DIR; CXX_FLAGS: the sanitizers of the library
foreach(variable BUILD_DIR EXAMPLE_DIR WORK_DIR)
  if(NOT ${variable})
    message(FATAL_ERROR "${variable} is not set")
  endif()
endforeach()

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nended with ${result}:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/prefix --component sdk)
run(${CMAKE_COMMAND} -S ${EXAMPLE_DIR} -B ${WORK_DIR}/build -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix
  "-DCMAKE_CXX_FLAGS=${CXX_FLAGS}")
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)

execute_process(COMMAND ${WORK_DIR}/build/flotilla_example 127.0.0.1:1
  RESULT_VARIABLE result ERROR_VARIABLE error TIMEOUT 60)
if(NOT result EQUAL 1 OR NOT error MATCHES "cannot reach PD at 127.0.0.1:1")
  message(FATAL_ERROR "the example ended with ${result}: ${error}")
endif()
