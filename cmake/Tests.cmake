# SPDX-License-Identifier: Apache-2.0
# Every tests/unit/**/test_*.c is one program and one test, named by its path: unit/base/buf. It is
# linked to the floor that its folder mirrors (and so to all above that floor), or else to everything.
# What tests share stands in tests/support/.
add_library(test_flags INTERFACE)
target_include_directories(test_flags INTERFACE ${CMAKE_SOURCE_DIR}/tests ${CMAKE_SOURCE_DIR}/src
                                                ${CMAKE_SOURCE_DIR}/include ${PACTOLUS_GENERATED})
target_compile_definitions(test_flags INTERFACE
    PACTOLUS_SOURCE_DIR="${CMAKE_SOURCE_DIR}" PACTOLUS_DESCRIPTORS="${PACTOLUS_DESCRIPTORS}")
target_link_libraries(test_flags INTERFACE pactolus_flags PkgConfig::CMOCKA)
file(GLOB support CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/support/*.c)
if(support)
    add_library(test_support STATIC ${support})
    target_link_libraries(test_support PUBLIC test_flags)
endif()

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
    if(support)
        target_link_libraries(${target} PRIVATE test_support)
    endif()
    cmake_path(GET relative PARENT_PATH folder)
    if(folder IN_LIST pactolus_floors)
        target_link_libraries(${target} PRIVATE test_flags ${folder})
    else()
        target_link_libraries(${target} PRIVATE test_flags ${pactolus_all})
    endif()
    add_dependencies(${target} pactolus_version pactolus_descriptors)
    add_test(NAME ${name} COMMAND ${target} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 60)
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
