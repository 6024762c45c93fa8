# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where; the component is the Debian package (cmake/Package.cmake).
if(TARGET pactolus)
    install(TARGETS pactolus RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT pactolus)
endif()
if(TARGET libpactolus)
    install(TARGETS libpactolus LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
            COMPONENT libpactolus0 NAMELINK_COMPONENT libpactolus-dev)
    configure_file(cmake/libpactolus.pc.in ${CMAKE_BINARY_DIR}/libpactolus.pc @ONLY)
    install(FILES ${CMAKE_BINARY_DIR}/libpactolus.pc
            DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT libpactolus-dev)
endif()
install(DIRECTORY include/pactolus DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT libpactolus-dev
        FILES_MATCHING PATTERN "*.h")
install(DIRECTORY migrations DESTINATION ${CMAKE_INSTALL_DATADIR}/pactolus COMPONENT pactolus
        FILES_MATCHING PATTERN "*.sql")
# Alerts and a dashboard: for whoever runs Prometheus and Grafana, often another host.
install(DIRECTORY etc/prometheus etc/grafana DESTINATION ${CMAKE_INSTALL_DATADIR}/pactolus
        COMPONENT pactolus)
foreach(package pactolus buf)
    if(EXISTS ${CMAKE_SOURCE_DIR}/proto/${package})
        install(DIRECTORY proto/${package} DESTINATION ${CMAKE_INSTALL_DATADIR}/pactolus/proto
                COMPONENT pactolus FILES_MATCHING PATTERN "*.proto")
    endif()
endforeach()

# The units want the program where they look for it: with a prefix of /usr.
install(FILES systemd/pactolus.service systemd/pactolus@.service systemd/pactolus.target
        DESTINATION lib/systemd/system COMPONENT pactolus)
install(FILES systemd/pactolus.sysusers DESTINATION lib/sysusers.d RENAME pactolus.conf
        COMPONENT pactolus)
install(FILES systemd/pactolus.catalog DESTINATION lib/systemd/catalog COMPONENT pactolus)

# /usr/local is for those who build it themselves: their configuration is theirs.
if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
    install(FILES etc/pactolus.conf DESTINATION /etc/pactolus COMPONENT pactolus)
    foreach(folder conf.d contracts credentials)
        install(DIRECTORY DESTINATION /etc/pactolus/${folder} COMPONENT pactolus)
    endforeach()
endif()
# Alerts and the dashboard, for whoever runs Prometheus and Grafana, which may be elsewhere.
install(DIRECTORY etc/prometheus etc/grafana DESTINATION ${CMAKE_INSTALL_DATADIR}/pactolus
        COMPONENT pactolus)
install(FILES etc/conf.d/payments.conf.example RENAME payments.conf
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/pactolus/examples COMPONENT pactolus)

# --- man pages and completions, made by the program itself from the tables that drive it
if(TARGET pactolus)
    set(manual ${CMAKE_BINARY_DIR}/manual)
    add_custom_command(OUTPUT ${manual}/made
        COMMAND ${CMAKE_COMMAND} -E rm -rf ${manual}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${manual}/man1 ${manual}/man5
        COMMAND pactolus --generate man ${manual}
        COMMAND pactolus --generate bash > ${manual}/pactolus.bash
        COMMAND pactolus --generate zsh > ${manual}/_pactolus
        COMMAND sh -c "cd manual && gzip -9n *.1 *.5 && mv *.1.gz man1 && mv *.5.gz man5"
        COMMAND ${CMAKE_COMMAND} -E touch ${manual}/made
        WORKING_DIRECTORY ${CMAKE_BINARY_DIR} DEPENDS pactolus VERBATIM)
    add_custom_target(pactolus_manual ALL DEPENDS ${manual}/made)
    install(DIRECTORY ${manual}/man1 ${manual}/man5 DESTINATION ${CMAKE_INSTALL_MANDIR}
            COMPONENT pactolus)
    install(FILES ${manual}/pactolus.bash RENAME pactolus COMPONENT pactolus
            DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    install(FILES ${manual}/_pactolus COMPONENT pactolus
            DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
endif()
