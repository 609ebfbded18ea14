# Flags that every target of the project shares, and the one way to declare a folder's library.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)  # TRY is a statement expression
set(WARREN_SANITIZE "" CACHE STRING "Value of -fsanitize= for the whole build")
option(WARREN_FUZZ "Build only the fuzz targets (needs clang)" OFF)
option(WARREN_WERROR "A warning of the compiler ends the build: for those who change the code" OFF)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CXX_FLAGS)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, or None: the flags of CXXFLAGS alone" FORCE)
endif()

add_library(warren_flags INTERFACE)
target_compile_options(warren_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow $<$<BOOL:${WARREN_WERROR}>:-Werror>)
# For quoted includes only: src/sys must not stand before the C library's <sys/...>.
target_compile_options(warren_flags INTERFACE "SHELL:-iquote ${PROJECT_SOURCE_DIR}/src")
set(WARREN_PRECOMPILE ON)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlapping copies in std::string's operator+ (GCC bug 105329).
  target_compile_options(warren_flags INTERFACE -Wno-restrict)
  # With optimisation it sees still more of them in precompiled headers. Who changes the code wants these warnings, and
  # goes without such headers; who only builds it wants neither to wait nor to be told what is not so.
  if(NOT CMAKE_BUILD_TYPE STREQUAL Debug)
    if(WARREN_WERROR)
      set(WARREN_PRECOMPILE OFF)
    else()
      target_compile_options(warren_flags INTERFACE -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
    endif()
  endif()
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

# ccache where it is installed and nobody has chosen another launcher. It is told that the headers which are compiled
# first need not be read again to know them, without which it would keep nothing of what includes them.
find_program(WARREN_CCACHE ccache)
if(WARREN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${WARREN_CCACHE})
endif()
if(CMAKE_CXX_COMPILER_LAUNCHER MATCHES "ccache" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(warren_flags INTERFACE -fpch-preprocess)
endif()

# What nearly every file includes is parsed once, for all folders.
set(WARREN_COMMON_HEADERS <algorithm> <array> <chrono> <expected> <functional> <map> <memory> <optional> <span> <string>
  <string_view> <thread> <utility> <variant> <vector> <fmt/format.h>)

# warren_library(NAME SOURCES... LINK...): the static library of src/NAME. LINK names the folders above it that it uses.
function(warren_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(warren_${name} STATIC ${arg_SOURCES})
  target_link_libraries(warren_${name} PUBLIC warren_flags ${arg_LINK} PRIVATE warren_fmt ${arg_PRIVATE_LINK})
  if(NOT WARREN_PRECOMPILE)
    return()
  elseif(name STREQUAL base)
    target_precompile_headers(warren_base PRIVATE ${WARREN_COMMON_HEADERS})
  else()
    target_precompile_headers(warren_${name} REUSE_FROM warren_base)
  endif()
endfunction()
