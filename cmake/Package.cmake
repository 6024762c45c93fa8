# SPDX-License-Identifier: Apache-2.0
# The Debian packages: pactolus (the daemon), libpactolus0 and libpactolus-dev. scripts/package builds
# them, with a prefix of /usr and on the oldest Debian that they are for.
set(PACTOLUS_REVISION 1 CACHE STRING "The Debian revision of the packages")

set(debian ${CMAKE_SOURCE_DIR}/cmake/debian)
set(made ${CMAKE_BINARY_DIR}/debian)
file(MAKE_DIRECTORY ${made})

# --- what only packages hold: changelogs, copyright, examples
function(pactolus_gzip from to)
    add_custom_command(OUTPUT ${to} COMMAND gzip -9nc ${from} > ${to} DEPENDS ${from} VERBATIM)
endfunction()

string(TIMESTAMP when "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE ${made}/changelog.Debian "pactolus (${PROJECT_VERSION}-${PACTOLUS_REVISION}) unstable; urgency=medium

  * Pactolus ${PROJECT_VERSION}; what is new stands in changelog.gz.

 -- The Pactolus authors <pactolus@example.org>  ${when}
")
pactolus_gzip(${made}/changelog.Debian ${made}/changelog.Debian.gz)
pactolus_gzip(${CMAKE_SOURCE_DIR}/CHANGELOG.md ${made}/changelog.gz)
set(gzipped ${made}/changelog.Debian.gz ${made}/changelog.gz)
if(TARGET rdkafka AND EXISTS ${prefix}/LICENSES.txt)
    pactolus_gzip(${prefix}/LICENSES.txt ${made}/notices-librdkafka.txt.gz)
    list(APPEND gzipped ${made}/notices-librdkafka.txt.gz)
endif()
add_custom_target(pactolus_package_files ALL DEPENDS ${gzipped})

foreach(package pactolus libpactolus0 libpactolus-dev)
    install(FILES ${gzipped} ${debian}/copyright
            DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package} COMPONENT ${package})
    install(FILES ${debian}/${package}.lintian-overrides RENAME ${package}
            DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides COMPONENT ${package})
endforeach()
install(FILES ${CMAKE_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/pactolus
        COMPONENT pactolus)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/pactolus COMPONENT pactolus
        FILES_MATCHING PATTERN "*.md")

# --- CPack
# Components: what is installed without one (as `cmake --install` does) belongs to the daemon.
set(CPACK_GENERATOR DEB)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_COMPONENTS_ALL pactolus libpactolus0 libpactolus-dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "The Pactolus authors <pactolus@example.org>")
set(CPACK_DEBIAN_PACKAGE_RELEASE ${PACTOLUS_REVISION})
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_PACTOLUS_PACKAGE_NAME pactolus)
set(CPACK_DEBIAN_PACTOLUS_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACTOLUS_PACKAGE_DEPENDS "procps, systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACTOLUS_PACKAGE_RECOMMENDS "ca-certificates, systemd")
set(CPACK_DEBIAN_PACTOLUS_PACKAGE_SUGGESTS "protobuf-compiler, postgresql, bash-completion")
set(CPACK_DEBIAN_PACTOLUS_PACKAGE_CONTROL_EXTRA
    "${debian}/conffiles;${debian}/postinst;${debian}/prerm;${debian}/postrm")
set(CPACK_DEBIAN_PACTOLUS_DESCRIPTION "Pactolus reads topics of Protobuf records that keep a contract and writes
them to tables that people can trust: every record is applied exactly once in
effect, in the same transaction as its offset; a record that can never be
applied is set aside with its reason; and every one is accounted for.
.
This package has the daemon, its command line and its systemd units. It is
configured in /etc/pactolus and not started before somebody enables it.")

set(CPACK_DEBIAN_LIBPACTOLUS0_PACKAGE_NAME libpactolus0)
set(CPACK_DEBIAN_LIBPACTOLUS0_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBPACTOLUS0_PACKAGE_CONTROL_EXTRA ${debian}/triggers)
set(CPACK_DEBIAN_LIBPACTOLUS0_DESCRIPTION "Validate, encode, decode and frame Protobuf records as Pactolus does, by a
contract that is read at run time. This package has the shared library.")

set(CPACK_DEBIAN_LIBPACTOLUS-DEV_PACKAGE_NAME libpactolus-dev)
set(CPACK_DEBIAN_LIBPACTOLUS-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBPACTOLUS-DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_LIBPACTOLUS-DEV_PACKAGE_DEPENDS
    "libpactolus0 (= ${PROJECT_VERSION}-${PACTOLUS_REVISION})")
set(CPACK_DEBIAN_LIBPACTOLUS-DEV_DESCRIPTION "Validate, encode, decode and frame Protobuf records as Pactolus does, by a
contract that is read at run time. This package has header and link.")
include(CPack)
