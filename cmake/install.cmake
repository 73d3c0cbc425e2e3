# find_package(voxgrad) gives voxgrad::voxgrad. The consumer in tests/consumer checks it.
include(CMakePackageConfigHelpers)
set(VOXGRAD_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/voxgrad)
install(TARGETS voxgrad EXPORT voxgradTargets FILE_SET HEADERS)
install(EXPORT voxgradTargets NAMESPACE voxgrad:: DESTINATION ${VOXGRAD_PACKAGE_DIR})
file(WRITE ${PROJECT_BINARY_DIR}/voxgradConfig.cmake
     "include(\"\${CMAKE_CURRENT_LIST_DIR}/voxgradTargets.cmake\")\n")
write_basic_package_version_file(${PROJECT_BINARY_DIR}/voxgradConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/voxgradConfig.cmake ${PROJECT_BINARY_DIR}/voxgradConfigVersion.cmake
        DESTINATION ${VOXGRAD_PACKAGE_DIR})
install(FILES LICENSE THIRD_PARTY_NOTICES.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
