# SPDX-License-Identifier: Apache-2.0
# What is generated at build time, all of it in ${PACTOLUS_GENERATED}: version.h, the protobuf-c code
# of the option files, and some files as C.
set(PACTOLUS_GENERATED ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${PACTOLUS_GENERATED})

# --- version.h: looked at in every build, so that the commit is never stale; written when it differs
find_program(GIT git)
add_custom_target(pactolus_version
    COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUTPUT=${PACTOLUS_GENERATED}/version.h
            -DVERSION=${PROJECT_VERSION} -DBUILD_TYPE=${CMAKE_BUILD_TYPE} -DGIT=${GIT}
            -P ${CMAKE_SOURCE_DIR}/cmake/version.cmake
    BYPRODUCTS ${PACTOLUS_GENERATED}/version.h
    VERBATIM)

# --- protobuf-c: the options are messages like any other; buf.validate's are read from raw bytes
set(protobuf_c_sources)
function(pactolus_protobuf_c root proto)
    cmake_path(REMOVE_EXTENSION proto LAST_ONLY OUTPUT_VARIABLE stem)
    set(out ${PACTOLUS_GENERATED}/${stem}.pb-c)
    add_custom_command(OUTPUT ${out}.c ${out}.h
        COMMAND ${PROTOC_C} -I ${root} -I ${PROTOBUF_PROTO_DIR} --c_out=${PACTOLUS_GENERATED} ${proto}
        DEPENDS ${root}/${proto}
        VERBATIM)
    set(protobuf_c_sources ${protobuf_c_sources} ${out}.c PARENT_SCOPE)
endfunction()

pactolus_protobuf_c(${PROTOBUF_PROTO_DIR} google/protobuf/descriptor.proto)
if(EXISTS ${CMAKE_SOURCE_DIR}/proto/pactolus/options.proto)
    pactolus_protobuf_c(${CMAKE_SOURCE_DIR}/proto pactolus/options.proto)
endif()

# Not ours to warn about.
add_library(pactolus_protobuf STATIC ${protobuf_c_sources})
target_compile_options(pactolus_protobuf PRIVATE -w)
target_include_directories(pactolus_protobuf SYSTEM PUBLIC ${PACTOLUS_GENERATED})
target_link_libraries(pactolus_protobuf PUBLIC PkgConfig::PROTOBUF_C)

# --- files as C: migrations/*.sql in the order of their names, and what the catalogue's page consists of
function(pactolus_embed name item member)
    set(out ${PACTOLUS_GENERATED}/${name}_embedded)
    add_custom_command(OUTPUT ${out}.c ${out}.h
        COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DITEM=${item} -DMEMBER=${member} "-DFILES=${ARGN}"
                -DOUTPUT=${PACTOLUS_GENERATED} -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
        DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
        VERBATIM)
endfunction()
file(GLOB migrations CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/migrations/*.sql)
pactolus_embed(migrations migration sql ${migrations})
file(GLOB page CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/table/page/*)
pactolus_embed(catalogue asset text ${page})

# --- descriptor sets
# pactolus_descriptor_set(TARGET PROTO): PROTO (absolute, under proto/ or tests/proto/) with all that
# it imports into ${PACTOLUS_DESCRIPTORS}/<stem>.binpb, built with TARGET.
set(PACTOLUS_DESCRIPTORS ${CMAKE_BINARY_DIR}/descriptors)
file(MAKE_DIRECTORY ${PACTOLUS_DESCRIPTORS})
file(GLOB_RECURSE all_protos CONFIGURE_DEPENDS
     ${CMAKE_SOURCE_DIR}/proto/*.proto ${CMAKE_SOURCE_DIR}/tests/proto/*.proto)
function(pactolus_descriptor_set target proto)
    cmake_path(GET proto STEM LAST_ONLY stem)
    set(include -I ${CMAKE_SOURCE_DIR}/proto)
    if(EXISTS ${CMAKE_SOURCE_DIR}/tests/proto)
        list(APPEND include -I ${CMAKE_SOURCE_DIR}/tests/proto)
    endif()
    set(out ${PACTOLUS_DESCRIPTORS}/${stem}.binpb)
    # Any file may be imported, so all are dependencies: a run takes milliseconds.
    add_custom_command(OUTPUT ${out}
        COMMAND ${PROTOC} ${include} -I ${PROTOBUF_PROTO_DIR} --include_imports
                --include_source_info -o ${out} ${proto}
        DEPENDS ${all_protos}
        VERBATIM)
    add_custom_target(${target} DEPENDS ${out})
endfunction()

add_custom_target(pactolus_descriptors ALL)
foreach(proto IN LISTS all_protos)
    cmake_path(RELATIVE_PATH proto BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE relative)
    if(relative MATCHES "^(proto/examples|tests/proto)/")
        cmake_path(GET proto STEM LAST_ONLY stem)
        if(TARGET descriptor_${stem})
            message(FATAL_ERROR "${relative}: another .proto of this name has its descriptor set in "
                                "${PACTOLUS_DESCRIPTORS}/${stem}.binpb already")
        endif()
        pactolus_descriptor_set(descriptor_${stem} ${proto})
        add_dependencies(pactolus_descriptors descriptor_${stem})
    endif()
endforeach()
