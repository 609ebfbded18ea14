# Flags that every target of the project shares, and the one way to declare a folder's library.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # TRY is a statement expression
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -ffunction-sections -fdata-sections")
set(WARREN_SANITIZE "" CACHE STRING "Value of -fsanitize= for the whole build")
option(WARREN_FUZZ "Build only the fuzz targets (needs clang)" OFF)

add_library(warren_flags INTERFACE)
target_compile_options(warren_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
# For quoted includes only: src/sys must not stand before the C library's <sys/...>.
target_compile_options(warren_flags INTERFACE "SHELL:-iquote ${PROJECT_SOURCE_DIR}/src")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping copies in std::string's operator+ (GCC bug 105329).
  target_compile_options(warren_flags INTERFACE -Wno-restrict)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12 offers std::expected only to compilers that announce the final concepts value.
  target_compile_options(warren_flags INTERFACE -D__cpp_concepts=202002L -Wno-builtin-macro-redefined
    -Wno-macro-redefined)
endif()
if(WARREN_SANITIZE)
  add_compile_options(-fsanitize=${WARREN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  string(REPLACE "fuzzer-no-link," "" sanitize_link "${WARREN_SANITIZE}")
  add_link_options(-fsanitize=${sanitize_link})
endif()

# What nearly every file includes is parsed once, for all folders.
set(WARREN_COMMON_HEADERS <algorithm> <array> <chrono> <expected> <functional> <map> <memory> <optional> <span> <string>
  <string_view> <thread> <utility> <variant> <vector> <fmt/format.h>)

# warren_library(NAME SOURCES... LINK...): the static library of src/NAME. LINK names the folders above it that it uses.
function(warren_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(warren_${name} STATIC ${arg_SOURCES})
  target_link_libraries(warren_${name} PUBLIC warren_flags ${arg_LINK} PRIVATE warren_fmt ${arg_PRIVATE_LINK})
  if(CMAKE_BUILD_TYPE STREQUAL Release)
    return()  # g++ 12 with optimisation sees still more of GCC bug 105329 in precompiled headers
  endif()
  if(name STREQUAL base)
    target_precompile_headers(warren_base PRIVATE ${WARREN_COMMON_HEADERS})
  else()
    target_precompile_headers(warren_${name} REUSE_FROM warren_base)
  endif()
endfunction()
