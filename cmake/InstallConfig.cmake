# find_package(WebSocketNova) against the installed tree.
include(CMakePackageConfigHelpers)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/WebSocketNova")

configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/WebSocketNovaConfig.cmake.in"
  "${CMAKE_CURRENT_BINARY_DIR}/WebSocketNovaConfig.cmake"
  INSTALL_DESTINATION "${config_dir}")
# Before 1.0, a minor version may break its users. A Swift module is for one compiler anyway.
write_basic_package_version_file(
  "${CMAKE_CURRENT_BINARY_DIR}/WebSocketNovaConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)

install(EXPORT WebSocketNovaTargets NAMESPACE WebSocketNova:: DESTINATION "${config_dir}")
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/WebSocketNovaConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/WebSocketNovaConfigVersion.cmake"
  "${CMAKE_CURRENT_LIST_DIR}/FindLibev.cmake"
  DESTINATION "${config_dir}")
