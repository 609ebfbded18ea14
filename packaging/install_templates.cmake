# Run by `cmake --install`: files in which @sbindir@ and @pam_warren@ become paths of this installation, and @sandbox@ what the
# units that run warren have in common.
set(sbindir "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}")
set(pam_warren "${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}/security/pam_warren.so")
file(READ "${units}/sandbox.conf" sandbox)

function(install_template name directory)
  configure_file("${units}/${name}.in" "${made}/${name}" @ONLY)
  if(IS_ABSOLUTE "${directory}")
    set(to "${directory}")
  else()
    set(to "${CMAKE_INSTALL_PREFIX}/${directory}")
  endif()
  file(INSTALL DESTINATION "${to}" TYPE FILE FILES "${made}/${name}" ${ARGN})
endfunction()

foreach(name warren.service warren-uplink.service warren@.service warrend.service)
  install_template(${name} "${WARREN_SYSTEMD_UNIT_DIR}")
endforeach()
install_template(pam.warren-service "${WARREN_PAM_DIR}" RENAME warren-service)
