# SPDX-License-Identifier: Apache-2.0
# librdkafka >= 2.14.2 as the target `rdkafka`: the system's when it is new enough, else a pinned
# and checksummed one that scripts/librdkafka builds statically, once for all build trees.
# Older ones stall on a full queue, cannot see a recreated topic and lose cooperative rebalances.
set(LIBRDKAFKA_MINIMUM 2.14.2)
set(LIBRDKAFKA_PREFIX "" CACHE PATH
    "Where a librdkafka of scripts/librdkafka stands or shall stand (empty: the user's cache)")

add_library(rdkafka INTERFACE)

if(NOT LIBRDKAFKA_PREFIX)
    pkg_check_modules(RDKAFKA IMPORTED_TARGET "rdkafka>=${LIBRDKAFKA_MINIMUM}")
endif()

if(RDKAFKA_FOUND)
    message(STATUS "librdkafka ${RDKAFKA_VERSION}: the system's")
    target_link_libraries(rdkafka INTERFACE PkgConfig::RDKAFKA)
else()
    message(STATUS "librdkafka: the system has none >= ${LIBRDKAFKA_MINIMUM}, asking scripts/librdkafka")
    execute_process(
        COMMAND ${CMAKE_SOURCE_DIR}/scripts/librdkafka ${LIBRDKAFKA_PREFIX}
        OUTPUT_VARIABLE prefix OUTPUT_STRIP_TRAILING_WHITESPACE
        RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "scripts/librdkafka failed (${failed}); its messages are above")
    endif()
    file(STRINGS ${prefix}/lib/librdkafka.version version)
    # The system libraries that this static build wants (-lssl -lsasl2 ...), as its build found them.
    file(STRINGS ${prefix}/lib/librdkafka.libs libs)
    separate_arguments(libs UNIX_COMMAND "${libs}")
    message(STATUS "librdkafka ${version}: static, ${prefix}")
    target_include_directories(rdkafka SYSTEM INTERFACE ${prefix}/include)
    target_compile_definitions(rdkafka INTERFACE LIBRDKAFKA_STATICLIB)
    target_link_libraries(rdkafka INTERFACE ${prefix}/lib/librdkafka.a ${libs} Threads::Threads)
endif()
