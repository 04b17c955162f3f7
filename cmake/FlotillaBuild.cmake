# Compiler settings and the two functions that every folder's CMakeLists.txt uses.

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug" FORCE)
endif()
option(FLOTILLA_BUILD_TESTS "Build the tests, benchmarks and test tools" ON)
set(FLOTILLA_SANITIZE "" CACHE STRING "address (with undefined behaviour) or thread")
option(FLOTILLA_UNITY "Compile the files of a library several at a time: a whole build takes half the time" OFF)
option(FLOTILLA_FUZZ "Build for flotilla-fuzz, with libFuzzer (needs clang; tests/fuzz/run)" OFF)

option(FLOTILLA_PLANTED_BUGS "Hold planted bugs, for the harness to find (tests/planted/run); makes no server" OFF)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")

# Paths are told relative to the checkout, so that all checkouts of a machine share what one has compiled.
find_program(FLOTILLA_CCACHE ccache)
if(FLOTILLA_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    ${FLOTILLA_CCACHE})
endif()
find_program(FLOTILLA_MOLD mold)
if(FLOTILLA_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

if(FLOTILLA_SANITIZE STREQUAL "address")
  set(FLOTILLA_SANITIZE_FLAGS -fsanitize=address,undefined -fno-sanitize-recover=undefined)
elseif(FLOTILLA_SANITIZE STREQUAL "thread")
  set(FLOTILLA_SANITIZE_FLAGS -fsanitize=thread)
elseif(FLOTILLA_SANITIZE)
  message(FATAL_ERROR "FLOTILLA_SANITIZE=${FLOTILLA_SANITIZE}: use address or thread")
endif()
if(FLOTILLA_SANITIZE_FLAGS)
  if(FLOTILLA_SANITIZE STREQUAL "thread")
    # Costs little to compile and runs in half the time; with the other sanitizers it takes twice as long.
    add_compile_options(-O1)
  endif()
  add_compile_options(${FLOTILLA_SANITIZE_FLAGS} -fno-omit-frame-pointer)
  add_link_options(${FLOTILLA_SANITIZE_FLAGS})
endif()

if(FLOTILLA_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "FLOTILLA_FUZZ needs clang, for libFuzzer: -DCMAKE_CXX_COMPILER=clang++-14; this is "
      "${CMAKE_CXX_COMPILER_ID}. Without it fuzz_corpus_test runs the same targets over what was kept")
  endif()
  if(FLOTILLA_SANITIZE OR NOT FLOTILLA_BUILD_TESTS)
    message(FATAL_ERROR "FLOTILLA_FUZZ brings its own sanitizers, and needs FLOTILLA_BUILD_TESTS")
  endif()
  # vptr needs the type information of libraries that come without it.
  add_compile_options(-O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize=vptr
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

# Nobody may take such a build for the product: no target is a server or a client, and nothing is
# installed.
if(FLOTILLA_PLANTED_BUGS)
  if(NOT FLOTILLA_BUILD_TESTS)
    message(FATAL_ERROR "FLOTILLA_PLANTED_BUGS is for tests: it needs FLOTILLA_BUILD_TESTS")
  endif()
  add_compile_definitions(FLOTILLA_PLANTED_BUGS)
  set(CMAKE_SKIP_INSTALL_RULES ON)
endif()

# Warnings are errors in our own code; generated code does not link this.
add_library(flotilla_warnings INTERFACE)
target_compile_options(flotilla_warnings INTERFACE -Wall -Wextra -Werror -Wnon-virtual-dtor -Woverloaded-virtual)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_options(flotilla_warnings INTERFACE -Wthread-safety
    # CHECK(false) is an endless loop with an unlikely body to it.
    -Wno-ignored-attributes)
endif()

# Of the long-running programs. A sanitizer has to see every allocation, and brings its own.
add_library(flotilla_allocator INTERFACE)
if(NOT FLOTILLA_SANITIZE)
  target_link_libraries(flotilla_allocator INTERFACE mimalloc)
endif()

# flotilla_library(NAME [DEPS target...]) builds every .cc of the current folder (not main.cc, not its
# sub-folders) as the static library flotilla_NAME, alias flotilla::NAME. With FLOTILLA_UNITY its
# files are compiled several at a time, which spares reading the same headers again; those that share a
# name with another file of the library are told APART.
function(flotilla_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;SOURCES;APART" ${ARGN})
  if(ARG_SOURCES)
    set(sources ${ARG_SOURCES})
  else()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
    list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  endif()
  if(sources)
    add_library(flotilla_${name} STATIC ${sources})
    target_include_directories(flotilla_${name} PUBLIC ${PROJECT_SOURCE_DIR})
    target_link_libraries(flotilla_${name} PUBLIC ${ARG_DEPS} PRIVATE flotilla_warnings)
    if(FLOTILLA_UNITY)
      set_target_properties(flotilla_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 6)
      set_source_files_properties(${ARG_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  else()
    add_library(flotilla_${name} INTERFACE)
    target_include_directories(flotilla_${name} INTERFACE ${PROJECT_SOURCE_DIR})
    target_link_libraries(flotilla_${name} INTERFACE ${ARG_DEPS})
  endif()
  add_library(flotilla::${name} ALIAS flotilla_${name})
endfunction()

# flotilla_test(NAME [DEPS target...] [LABELS label...]) builds every *_test.cc of the current folder
# into one GoogleTest binary and registers it with ctest.
function(flotilla_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "DEPS;LABELS;SOURCES" ${ARGN})
  if(ARG_SOURCES)
    set(sources ${ARG_SOURCES})
  else()
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  endif()
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main flotilla_warnings)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT})
  if(ARG_LABELS)
    set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}")
  endif()
endfunction()
