# SPDX-License-Identifier: Apache-2.0
# Warnings (errors, on gcc and clang) and hardening, each probed: compilers differ in what they know
# (gcc 12 and clang 14 lack -fstrict-flex-arrays=3, clang 14 also -ftrivial-auto-var-init=zero).
include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C CXX)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(pactolus_flags INTERFACE)
target_compile_definitions(pactolus_flags INTERFACE _GNU_SOURCE)

set(warnings -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wvla -Wformat=2 -Werror)
set(c_warnings ${warnings} -Wconversion -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes)
target_compile_options(pactolus_flags INTERFACE
    "$<$<COMPILE_LANGUAGE:C>:${c_warnings}>"
    "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wformat=2;-Werror>")

# Adds `flag` if the compiler takes it without a warning.
function(pactolus_compile_flag flag)
    string(MAKE_C_IDENTIFIER "HAVE_C${flag}" known)
    set(CMAKE_REQUIRED_FLAGS "-Werror")
    check_c_compiler_flag("${flag}" ${known})
    if(${known})
        target_compile_options(pactolus_flags INTERFACE ${flag})
    endif()
endfunction()

function(pactolus_link_flag flag)
    string(MAKE_C_IDENTIFIER "HAVE_LD${flag}" known)
    check_linker_flag(C "${flag}" ${known})
    if(${known})
        target_link_options(pactolus_flags INTERFACE ${flag})
    endif()
endfunction()

# The functions of one program call each other directly even where code is position-independent.
pactolus_compile_flag(-fno-semantic-interposition)

if(PACTOLUS_SANITIZE)
    # Sanitizers replace hardening here: -fno-strict-overflow would silence UBSan, zeroed variables
    # would hide what it is to find, and FORTIFY hides calls from ASan's interceptors.
    set(sanitize -fsanitize=${PACTOLUS_SANITIZE} -fno-omit-frame-pointer)
    if(PACTOLUS_SANITIZE MATCHES undefined)
        list(APPEND sanitize -fno-sanitize-recover=undefined)
    endif()
    target_compile_options(pactolus_flags INTERFACE -O1 ${sanitize})
    target_link_options(pactolus_flags INTERFACE ${sanitize})
else()
    if(CMAKE_BUILD_TYPE STREQUAL Release)
        # Level 3 needs a compiler that knows __builtin_dynamic_object_size and a libc >= 2.34.
        set(CMAKE_REQUIRED_FLAGS "-O2 -Werror -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
        include(CheckCSourceCompiles)
        check_c_source_compiles("#include <string.h>
            #if __USE_FORTIFY_LEVEL < 3
            #error no level 3
            #endif
            int main(void) { return 0; }" HAVE_FORTIFY_3)
        unset(CMAKE_REQUIRED_FLAGS)
        if(HAVE_FORTIFY_3)
            set(level 3)
        else()
            set(level 2)
        endif()
        target_compile_options(pactolus_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${level})
    endif()
    foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection
                 -fstrict-flex-arrays=3 -ftrivial-auto-var-init=zero
                 -fno-delete-null-pointer-checks -fno-strict-overflow)
        pactolus_compile_flag(${flag})
    endforeach()
    foreach(flag -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
        pactolus_link_flag(${flag})
    endforeach()
endif()

if(PACTOLUS_COVERAGE)
    target_compile_options(pactolus_flags INTERFACE --coverage -O0 -fprofile-update=atomic)
    target_link_options(pactolus_flags INTERFACE --coverage)
endif()
