# SPDX-License-Identifier: Apache-2.0
# The libraries of others. Every one but librdkafka is the system's.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(LIBCONFIG REQUIRED IMPORTED_TARGET libconfig)
pkg_check_modules(JSON_C REQUIRED IMPORTED_TARGET json-c)
pkg_check_modules(LIBSYSTEMD REQUIRED IMPORTED_TARGET libsystemd)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
if(PACTOLUS_PORTABLE)
    find_library(LIBCONFIG_ARCHIVE NAMES libconfig.a REQUIRED)
    set_target_properties(PkgConfig::LIBCONFIG PROPERTIES INTERFACE_LINK_LIBRARIES ${LIBCONFIG_ARCHIVE})
    find_library(RE2_ARCHIVE NAMES libre2.a REQUIRED)
    # Not into libpactolus: Debian's archive is no position-independent code.
    set(shared $<STREQUAL:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY>)
    set_target_properties(PkgConfig::RE2 PROPERTIES
        INTERFACE_LINK_LIBRARIES "$<IF:${shared},re2,${RE2_ARCHIVE}>;Threads::Threads")
endif()
if(PACTOLUS_TESTS)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()

find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_C protoc-c REQUIRED)
find_path(PROTOBUF_PROTO_DIR google/protobuf/descriptor.proto REQUIRED)

include(Librdkafka)
