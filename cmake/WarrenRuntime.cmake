# How the C++ libraries are bound. Shared ones are found symbol by symbol at each start, which takes as long as half of
# an `add`. A copy of the C++ runtime of one's own must not meet a library that brings the shared one.
option(WARREN_OWN_RUNTIME "Bind libstdc++, fmt, toml++ and SQLite into the program" OFF)
add_library(warren_toml INTERFACE)
add_library(warren_sqlite INTERFACE)
if(WARREN_OWN_RUNTIME)
  add_compile_options(-ffunction-sections -fdata-sections)  # so that what is never called is left out
  add_library(warren_fmt STATIC ${PROJECT_SOURCE_DIR}/cmake/fmt.cc)
  target_link_libraries(warren_fmt PRIVATE warren_flags)
  target_link_libraries(warren_sqlite INTERFACE libsqlite3.a m)
  add_link_options(-static-libstdc++ -static-libgcc -Wl,--gc-sections)
else()
  add_library(warren_fmt INTERFACE)
  target_link_libraries(warren_fmt INTERFACE fmt::fmt)
  target_link_libraries(warren_toml INTERFACE PkgConfig::TOMLPLUSPLUS)
  target_link_libraries(warren_sqlite INTERFACE PkgConfig::SQLITE)
endif()
