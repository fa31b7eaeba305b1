# How a Swift target of this project is compiled, and how a library is installed.

# The name under which Swift looks for a module of this platform: NAME.swiftmodule/TRIPLE.swiftmodule.
if(NOT WEBSOCKETNOVA_MODULE_TRIPLE)
  set(command "${CMAKE_Swift_COMPILER}" -print-target-info)
  if(CMAKE_Swift_COMPILER_TARGET)
    list(APPEND command -target "${CMAKE_Swift_COMPILER_TARGET}")
  endif()
  execute_process(COMMAND ${command} OUTPUT_VARIABLE target_info COMMAND_ERROR_IS_FATAL ANY)
  string(JSON triple GET "${target_info}" target moduleTriple)
  set(WEBSOCKETNOVA_MODULE_TRIPLE "${triple}" CACHE STRING "Triple in the names of installed Swift modules")
  mark_as_advanced(WEBSOCKETNOVA_MODULE_TRIPLE)
endif()

# The toolchain's own layout, which swift-log uses too: static and shared modules side by side.
string(TOLOWER "${CMAKE_SYSTEM_NAME}" swift_os)
if(BUILD_SHARED_LIBS)
  set(WEBSOCKETNOVA_MODULE_DIR "${CMAKE_INSTALL_LIBDIR}/swift/${swift_os}")
else()
  set(WEBSOCKETNOVA_MODULE_DIR "${CMAKE_INSTALL_LIBDIR}/swift_static/${swift_os}")
endif()

# What Package.swift says is not said again here: the versions of the packages, and the language features.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/Package.swift")
file(READ "${PROJECT_SOURCE_DIR}/Package.swift" WEBSOCKETNOVA_MANIFEST)
string(REGEX MATCHALL "enableUpcomingFeature\\(\"[A-Za-z]+" features "${WEBSOCKETNOVA_MANIFEST}")
list(TRANSFORM features REPLACE ".*\"" "SHELL:-enable-upcoming-feature ")
set(WEBSOCKETNOVA_FEATURES ${features})

function(websocketnova_compile_options target)
  set_target_properties(${target} PROPERTIES Swift_LANGUAGE_VERSION 6)
  target_compile_options(${target} PRIVATE
    "SHELL:-package-name websocketnova"
    ${WEBSOCKETNOVA_FEATURES}
    # As SwiftPM does for release builds: small functions are inlined across files and modules.
    "$<$<NOT:$<CONFIG:Debug>>:SHELL:-whole-module-optimization -Xfrontend -enable-default-cmo>"
    "$<$<BOOL:${WEBSOCKETNOVA_WARNINGS_AS_ERRORS}>:-warnings-as-errors>")
endfunction()

# Sources are globbed as SwiftPM globs them: a second list of every file could only go stale.
function(websocketnova_sources target variable)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${target}/*.swift")
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()

# Where an installed binary finds the libraries; the compiler adds the toolchain's own folder.
function(websocketnova_install_rpath target path)
  if(BUILD_SHARED_LIBS)
    set_target_properties(${target} PROPERTIES INSTALL_RPATH "${path}")
  endif()
endfunction()

# Installs a library and its Swift module, and exports it for find_package.
function(websocketnova_install_library target)
  install(TARGETS ${target} EXPORT WebSocketNovaTargets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    INCLUDES DESTINATION "${WEBSOCKETNOVA_MODULE_DIR}")
  foreach(kind IN ITEMS swiftmodule swiftdoc)
    install(FILES "$<TARGET_PROPERTY:${target},Swift_MODULE_DIRECTORY>/${target}.${kind}"
      DESTINATION "${WEBSOCKETNOVA_MODULE_DIR}/${target}.swiftmodule"
      RENAME "${WEBSOCKETNOVA_MODULE_TRIPLE}.${kind}")
  endforeach()
endfunction()

# One library of Sources/, named like its folder. Dependencies are public: without library evolution, the compiler loads
# the modules below an imported one, also those that are imported internally.
function(websocketnova_library target)
  cmake_parse_arguments(PARSE_ARGV 1 argument "" "" "DEPENDS")
  websocketnova_sources(${target} sources)
  add_library(${target} ${sources})
  add_library(WebSocketNova::${target} ALIAS ${target})
  websocketnova_compile_options(${target})
  target_include_directories(${target} PUBLIC "$<BUILD_INTERFACE:${CMAKE_Swift_MODULE_DIRECTORY}>")
  target_link_libraries(${target} PUBLIC ${argument_DEPENDS})
  set_target_properties(${target} PROPERTIES
    POSITION_INDEPENDENT_CODE ON)
  websocketnova_install_rpath(${target} "$ORIGIN")
  websocketnova_install_library(${target})
endfunction()
