# SPDX-License-Identifier: Apache-2.0
# One static library per folder of src/, from the ground up, linked to the floors above it in this
# list; then the programs and the public library. A folder without sources is skipped.

# pactolus_floor(NAME LIBRARIES...): LIBRARIES are what this floor alone adds.
set(pactolus_floors "")
function(pactolus_floor name)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c
         ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
    list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/src/command/main.c)
    if(NOT sources)
        message(STATUS "src/${name}: no sources yet")
        return()
    endif()
    if(name STREQUAL postgres)
        list(APPEND sources ${PACTOLUS_GENERATED}/migrations_embedded.c)
    elseif(name STREQUAL table)
        list(APPEND sources ${PACTOLUS_GENERATED}/catalogue_embedded.c)
    endif()
    add_library(${name} STATIC ${sources})
    set_target_properties(${name} PROPERTIES OUTPUT_NAME pactolus_${name})
    add_dependencies(${name} pactolus_version)
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include
                                              ${PACTOLUS_GENERATED})
    target_compile_definitions(${name} PRIVATE
        PACTOLUS_DATADIR="${CMAKE_INSTALL_FULL_DATADIR}/pactolus")
    set(below ${pactolus_floors})
    # The two sides of one floor do not know each other.
    if(name STREQUAL table)
        list(REMOVE_ITEM below record)
    elseif(name STREQUAL kafka)
        list(REMOVE_ITEM below postgres)
    elseif(name STREQUAL registry)
        list(REMOVE_ITEM below postgres kafka)
    endif()
    list(REVERSE below)
    target_link_libraries(${name} PUBLIC pactolus_flags ${below} ${ARGN})
    set(pactolus_floors ${pactolus_floors} ${name} PARENT_SCOPE)
endfunction()

pactolus_floor(base Threads::Threads)
pactolus_floor(contract pactolus_protobuf PkgConfig::JSON_C PkgConfig::RE2)
pactolus_floor(record pactolus_protobuf PkgConfig::JSON_C PkgConfig::RE2)
pactolus_floor(table)
pactolus_floor(library)
pactolus_floor(config PkgConfig::LIBCONFIG)
pactolus_floor(postgres PkgConfig::LIBPQ)
pactolus_floor(kafka rdkafka)
pactolus_floor(registry)
pactolus_floor(engine PkgConfig::LIBSYSTEMD PkgConfig::MICROHTTPD)
pactolus_floor(command)

# Everything, lowest floor last, for programs and tests.
set(pactolus_all ${pactolus_floors})
list(REVERSE pactolus_all)

# pactolus_program(TARGET OUTPUT SOURCES...)
function(pactolus_program target output)
    add_executable(${target} ${ARGN})
    set_target_properties(${target} PROPERTIES OUTPUT_NAME ${output})
    add_dependencies(${target} pactolus_version)
    target_link_libraries(${target} PRIVATE pactolus_flags ${pactolus_all})
    target_compile_definitions(${target} PRIVATE
        PACTOLUS_DATADIR="${CMAKE_INSTALL_FULL_DATADIR}/pactolus")
    target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include
                                                 ${PACTOLUS_GENERATED})
endfunction()

if(EXISTS ${CMAKE_SOURCE_DIR}/src/command/main.c)
    pactolus_program(pactolus pactolus ${CMAKE_SOURCE_DIR}/src/command/main.c)
endif()

file(GLOB tools CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/*.c)
foreach(tool IN LISTS tools)
    cmake_path(GET tool STEM stem)
    pactolus_program(pactolus-${stem} pactolus-${stem} ${tool})
endforeach()
# tools/<name>/*.c: one program of several files.
file(GLOB tools CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tools/*/main.c)
foreach(main IN LISTS tools)
    cmake_path(GET main PARENT_PATH folder)
    cmake_path(GET folder FILENAME stem)
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
    pactolus_program(pactolus-${stem} pactolus-${stem} ${sources})
endforeach()

# libpactolus: contract and record behind the public face. -z defs proves that nothing of libpq or
# librdkafka is needed; only pactolus_* is visible.
if(TARGET library)
    add_library(libpactolus SHARED ${CMAKE_SOURCE_DIR}/cmake/empty.c)
    set_target_properties(libpactolus PROPERTIES OUTPUT_NAME pactolus
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
        LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/libpactolus.map)
    # The floors also name each other in the ordinary way; here all of them count as whole.
    set_target_properties(libpactolus PROPERTIES
        LINK_LIBRARY_OVERRIDE "WHOLE_ARCHIVE,library,record,contract,base")
    # The whole public face; of the floors above it what the face needs.
    target_link_libraries(libpactolus PRIVATE "$<LINK_LIBRARY:WHOLE_ARCHIVE,library>")
    target_link_options(libpactolus PRIVATE
        -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/libpactolus.map)
    if(NOT PACTOLUS_SANITIZE)
        # A sanitizer's run-time is left undefined in shared objects.
        target_link_options(libpactolus PRIVATE -Wl,-z,defs)
    endif()
    target_include_directories(libpactolus INTERFACE ${CMAKE_SOURCE_DIR}/include)
endif()
