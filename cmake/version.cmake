# SPDX-License-Identifier: Apache-2.0
# Run by the build: writes version.h, touching it only when something changed.
cmake_minimum_required(VERSION 3.25)
set(COMMIT unknown)
if(GIT)
    execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --short=12 HEAD
                    OUTPUT_VARIABLE out OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
                    RESULT_VARIABLE failed)
    if(NOT failed)
        set(COMMIT ${out})
    endif()
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.h.in ${OUTPUT} @ONLY)
