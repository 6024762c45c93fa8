# SPDX-License-Identifier: Apache-2.0
# Every tests/unit/**/test_*.c is one program and one test, named by its path: unit/base/buf. It is
# linked to the floor that its folder mirrors (and so to all above that floor), or else to everything.
# tests/db/test_*.c need a PostgreSQL (PACTOLUS_TEST_PG) and are linked to everything; what they share
# stands in tests/support/.
add_library(test_flags INTERFACE)
target_include_directories(test_flags INTERFACE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/src
                                                ${CMAKE_SOURCE_DIR}/include ${PACTOLUS_GENERATED})
target_compile_definitions(test_flags INTERFACE
    PACTOLUS_SOURCE_DIR="${CMAKE_SOURCE_DIR}" PACTOLUS_DESCRIPTORS="${PACTOLUS_DESCRIPTORS}")
target_link_libraries(test_flags INTERFACE pactolus_flags PkgConfig::CMOCKA)
# Tests that use what is shared are linked to every floor; the others only to their own.
file(GLOB support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.c)
add_library(test_support STATIC ${support})
target_link_libraries(test_support PUBLIC test_flags)
target_include_directories(test_support SYSTEM PRIVATE
    $<TARGET_PROPERTY:PkgConfig::LIBPQ,INTERFACE_INCLUDE_DIRECTORIES>
    $<TARGET_PROPERTY:rdkafka,INTERFACE_INCLUDE_DIRECTORIES>
    $<TARGET_PROPERTY:PkgConfig::JSON_C,INTERFACE_INCLUDE_DIRECTORIES>)

file(GLOB_RECURSE tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/*.c)
foreach(source IN LISTS tests)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR}/tests/unit
               OUTPUT_VARIABLE relative)
    if(NOT relative MATCHES "^(.*/)?test_([^/]*)\\.c$")
        message(FATAL_ERROR "tests/unit/${relative}: a unit test is named test_*.c")
    endif()
    set(name unit/${CMAKE_MATCH_1}${CMAKE_MATCH_2})
    string(REPLACE "/" "_" target test_${CMAKE_MATCH_1}${CMAKE_MATCH_2})
    add_executable(${target} ${source})
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    cmake_path(GET relative PARENT_PATH folder)
    file(STRINGS ${source} shared REGEX "^#include \"support/")
    if(shared)
        target_link_libraries(${target} PRIVATE test_support ${pactolus_all})
    elseif(folder IN_LIST pactolus_floors)
        target_link_libraries(${target} PRIVATE test_flags ${folder})
    else()
        target_link_libraries(${target} PRIVATE test_flags ${pactolus_all})
    endif()
    add_dependencies(${target} pactolus_version pactolus_descriptors)
    add_test(NAME ${name} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 60)
endforeach()

file(GLOB db_tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/db/test_*.c)
foreach(source IN LISTS db_tests)
    cmake_path(GET source STEM stem)
    set(target db_${stem})
    add_executable(${target} ${source})
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    target_link_libraries(${target} PRIVATE test_support ${pactolus_all})
    add_dependencies(${target} pactolus_version pactolus_descriptors)
    string(REPLACE "test_" "db/" name ${stem})
    add_test(NAME ${name} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS db TIMEOUT 300 RESOURCE_LOCK database)
endforeach()

# tests/fuzz/fuzz_*.c: each runs its corpus as a test, unit/fuzz/NAME, and is a program for libFuzzer
# where the compiler has it and is asked to (scripts/fuzz).
file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_*.c)
foreach(source IN LISTS fuzzers)
    cmake_path(GET source STEM stem)
    string(REPLACE "fuzz_" "" name ${stem})
    set(targets replay_${name})
    add_executable(replay_${name} ${source} tests/fuzz/fuzz.c tests/fuzz/replay.c)
    add_test(NAME unit/fuzz/${name}
             COMMAND replay_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(unit/fuzz/${name} PROPERTIES LABELS unit TIMEOUT 120)
    if(PACTOLUS_SANITIZE MATCHES fuzzer-no-link)
        list(APPEND targets fuzz_${name})
        add_executable(fuzz_${name} ${source} tests/fuzz/fuzz.c)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    endif()
    foreach(target IN LISTS targets)
        set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY
                                                   ${CMAKE_BINARY_DIR}/tests)
        target_link_libraries(${target} PRIVATE test_flags ${pactolus_all})
        add_dependencies(${target} pactolus_version pactolus_descriptors)
    endforeach()
endforeach()

find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME floors COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/scripts/check-floors)
add_test(NAME floors/self-test
         COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/scripts/check-floors --self-test)
set_tests_properties(floors floors/self-test PROPERTIES LABELS house)
if(TARGET libpactolus)
    add_test(NAME library/links-only-what-it-may
             COMMAND ${CMAKE_COMMAND} -DLIBRARY=$<TARGET_FILE:libpactolus>
                     -P ${CMAKE_SOURCE_DIR}/cmake/check-library.cmake)
    set_tests_properties(library/links-only-what-it-may PROPERTIES LABELS house)
endif()
