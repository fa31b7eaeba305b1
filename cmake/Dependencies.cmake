# System libraries by find_package; Swift packages by FetchContent, at the versions that Package.swift names.
# To build without a network, set FETCHCONTENT_SOURCE_DIR_SWIFT-LOG and FETCHCONTENT_SOURCE_DIR_SWIFT-ARGUMENT-PARSER.
include(FetchContent)

find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Libev REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBWEBSOCKETS REQUIRED IMPORTED_TARGET "libwebsockets>=4.1.6")

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/Package.swift")
file(READ "${PROJECT_SOURCE_DIR}/Package.swift" manifest)

# Adds a package's targets without its install rules: what a consumer needs of it, we install.
function(websocketnova_fetch name)
  string(REGEX MATCH "url: \"([^\"]*/${name})\", from: \"([0-9.]+)\"" found "${manifest}")
  if(NOT found)
    message(FATAL_ERROR "Package.swift names no version of ${name}")
  endif()
  FetchContent_Declare(${name}
    GIT_REPOSITORY "${CMAKE_MATCH_1}"
    GIT_TAG "${CMAKE_MATCH_2}"
    # There is no such folder, so the content is only fetched: MakeAvailable knows EXCLUDE_FROM_ALL since CMake 3.28.
    SOURCE_SUBDIR fetch-only)
  FetchContent_MakeAvailable(${name})
  set(BUILD_TESTING OFF)
  set(BUILD_EXAMPLES OFF)
  add_subdirectory("${${name}_SOURCE_DIR}" "${${name}_BINARY_DIR}" EXCLUDE_FROM_ALL)
endfunction()

websocketnova_fetch(swift-log)
websocketnova_install_library(Logging)

if(WEBSOCKETNOVA_BUILD_TOOL)
  websocketnova_fetch(swift-argument-parser)
endif()
