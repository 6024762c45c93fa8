# SPDX-License-Identifier: Apache-2.0
# Run by ctest: libpactolus needs neither libpq nor librdkafka, and shows nothing but pactolus_*.
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND readelf --dynamic ${LIBRARY} OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
if(dynamic MATCHES "NEEDED[^\n]*(libpq|librdkafka|libsystemd|libconfig)")
    message(FATAL_ERROR "${LIBRARY} links what it must not: ${CMAKE_MATCH_0}")
endif()
execute_process(COMMAND nm --dynamic --defined-only --format=posix ${LIBRARY}
                OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" symbols "${symbols}")
if(NOT symbols)
    message(FATAL_ERROR "${LIBRARY} shows no symbol at all")
endif()
foreach(symbol IN LISTS symbols)
    if(NOT symbol MATCHES "^pactolus_[a-z]")
        message(FATAL_ERROR "${LIBRARY} shows a symbol that is not public: ${symbol}")
    endif()
endforeach()
