# What makes a mistake in the programs harder to use: each of them runs as root, beside tenants who may be hostile.
# tests/lint/hardening.py looks at what was linked.
option(WARREN_HARDEN "Guard the stack, check the bounds of buffers and containers, bind all symbols at the start" ON)
if(WARREN_SANITIZE OR WARREN_FUZZ)
  return()  # the sanitizers see more, and put their own checks where these would be
endif()

# -fPIE by hand: CMake's own way would compile the libraries with -fPIC, whose calls are slower.
set(not_module $<NOT:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,MODULE_LIBRARY>>)
target_compile_options(warren_flags INTERFACE $<${not_module}:-fPIE>)
target_link_options(warren_flags INTERFACE $<${not_module}:-pie>)
if(NOT WARREN_HARDEN)
  return()
endif()

# The assertions not in the PAM module: they need the C++ runtime (from g++ 13 on), which must not come into sshd or login
# with it, and would print on their standard output.
set(warren_assertions $<${not_module}:-D_GLIBCXX_ASSERTIONS>)
target_compile_options(warren_flags INTERFACE -fstack-protector-strong ${warren_assertions})
target_link_options(warren_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)

# _FORTIFY_SOURCE is for optimised code only. A packager's own level, in the flags of the environment, stays.
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
set(flags "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}")
if(flags MATCHES "-O[1-3sz]" AND NOT flags MATCHES "_FORTIFY_SOURCE")
  target_compile_options(warren_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
