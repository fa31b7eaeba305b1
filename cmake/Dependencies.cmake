# System libraries by find_package; Swift packages by FetchContent, at the versions that Package.swift names.
# To build without a network, set FETCHCONTENT_SOURCE_DIR_SWIFT-LOG and so on.
include(FetchContent)

find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Libev REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBWEBSOCKETS REQUIRED IMPORTED_TARGET "libwebsockets>=4.1.6")

# Adds a package's targets without its install rules: what a consumer needs of it, we install.
function(websocketnova_fetch name)
  string(REGEX MATCH "url: \"([^\"]*/${name})\", from: \"([0-9.]+)\"" found "${WEBSOCKETNOVA_MANIFEST}")
  if(NOT found)
    message(FATAL_ERROR "Package.swift names no version of ${name}")
  endif()
  FetchContent_Declare(${name}
    GIT_REPOSITORY "${CMAKE_MATCH_1}"
    GIT_TAG "${CMAKE_MATCH_2}"
    # There is no such folder, so the content is only fetched: MakeAvailable knows EXCLUDE_FROM_ALL since CMake 3.28.
    SOURCE_SUBDIR fetch-only)
  FetchContent_MakeAvailable(${name})
  # Its warnings are not ours to mend; SwiftPM hides them as well.
  string(APPEND CMAKE_Swift_FLAGS " -suppress-warnings")
  set(BUILD_TESTING OFF)
  set(BUILD_EXAMPLES OFF)
  add_subdirectory("${${name}_SOURCE_DIR}" "${${name}_BINARY_DIR}" EXCLUDE_FROM_ALL)
endfunction()

websocketnova_fetch(swift-log)
websocketnova_install_library(Logging)

websocketnova_fetch(swift-metrics)
websocketnova_fetch(swift-collections)
foreach(target IN ITEMS CoreMetrics InternalCollectionsUtilities ContainersPreview DequeModule HeapModule)
  # They name their build directory without saying that it is only one for building, which cannot be exported.
  set_target_properties(${target} PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "$<BUILD_INTERFACE:${CMAKE_Swift_MODULE_DIRECTORY}>")
  websocketnova_install_library(${target})
endforeach()

if(WEBSOCKETNOVA_BUILD_TOOL)
  websocketnova_fetch(swift-argument-parser)
endif()
