# What `cmake --install` puts where. The tree may be moved afterwards: nothing in it holds an absolute path.
include(CMakePackageConfigHelpers)

set(infill_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/infill)

install(TARGETS infill EXPORT infill LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES capi/infill.h capi/infill.hpp DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT infill NAMESPACE infill:: FILE infillTargets.cmake DESTINATION ${infill_cmake_dir})

# The component torch: find_package(infill COMPONENTS torch). LibTorch itself is the user's.
if(TARGET infill_torch)
  install(TARGETS infill_torch EXPORT infill_torch LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(DIRECTORY include/infill DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT infill_torch NAMESPACE infill:: FILE infillTorchTargets.cmake DESTINATION ${infill_cmake_dir})
  install(FILES cmake/InfillLibTorch.cmake DESTINATION ${infill_cmake_dir})
endif()

# Opened at run time: nobody links to them.
foreach(module infill_cuda infill_torch_cuda)
  if(TARGET ${module})
    install(TARGETS ${module} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} NAMELINK_SKIP)
  endif()
endforeach()

configure_package_config_file(cmake/infillConfig.cmake.in ${CMAKE_BINARY_DIR}/infillConfig.cmake
  INSTALL_DESTINATION ${infill_cmake_dir} PATH_VARS CMAKE_INSTALL_LIBDIR)
# Before 1.0 a new minor version may break a program.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/infillConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/infillConfig.cmake ${CMAKE_BINARY_DIR}/infillConfigVersion.cmake
  DESTINATION ${infill_cmake_dir})

cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX} OUTPUT_VARIABLE infill_libdir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX}
  OUTPUT_VARIABLE infill_includedir)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
  OUTPUT_VARIABLE infill_prefix_from_pc)
configure_file(cmake/infill.pc.in ${CMAKE_BINARY_DIR}/infill.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/infill.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET infill_cli)
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_LIBDIR BASE_DIRECTORY ${CMAKE_INSTALL_FULL_BINDIR}
    OUTPUT_VARIABLE infill_lib_from_bin)
  set_target_properties(infill_cli PROPERTIES INSTALL_RPATH "$ORIGIN/${infill_lib_from_bin}")
  install(TARGETS infill_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
