# SPDX-License-Identifier: Apache-2.0
if(TARGET pactolus)
    install(TARGETS pactolus RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET libpactolus)
    install(TARGETS libpactolus LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
foreach(pair include/pactolus:${CMAKE_INSTALL_INCLUDEDIR}
             migrations:${CMAKE_INSTALL_DATADIR}/pactolus
             proto/pactolus:${CMAKE_INSTALL_DATADIR}/pactolus/proto
             proto/buf:${CMAKE_INSTALL_DATADIR}/pactolus/proto)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 from)
    list(GET pair 1 to)
    if(EXISTS ${CMAKE_SOURCE_DIR}/${from})
        install(DIRECTORY ${from} DESTINATION ${to}
                FILES_MATCHING PATTERN "*.h" PATTERN "*.sql" PATTERN "*.proto")
    endif()
endforeach()

# The units want the program where they look for it: with a prefix of /usr.
install(FILES systemd/pactolus.service systemd/pactolus@.service systemd/pactolus.target
        DESTINATION lib/systemd/system)
install(FILES systemd/pactolus.sysusers DESTINATION lib/sysusers.d RENAME pactolus.conf)
install(FILES systemd/pactolus.catalog DESTINATION lib/systemd/catalog)
