# Install: headers and libraries of every room, the programs, and the package that find_package(netwright) reads.
# Rooms that need torch, directly or through another room, are the package's component `training`.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/netwright")

function(netwright_needs_torch target result)
  get_target_property(kind ${target} TYPE)
  set(property LINK_LIBRARIES)
  if(kind STREQUAL "INTERFACE_LIBRARY")
    set(property INTERFACE_LINK_LIBRARIES)
  endif()
  get_target_property(links ${target} ${property})
  set(needs OFF)
  foreach(link IN LISTS links)
    if(link STREQUAL "netwright_libtorch")
      set(needs ON)
    elseif(link MATCHES "^netwright_" AND TARGET ${link} AND NOT needs)
      netwright_needs_torch(${link} needs)
    endif()
  endforeach()
  set(${result} ${needs} PARENT_SCOPE)
endfunction()

get_property(rooms GLOBAL PROPERTY NETWRIGHT_ROOMS)
set(with_training OFF)
foreach(room IN LISTS rooms)
  netwright_needs_torch(${room} needs)
  set(export_set netwrightTargets)
  if(needs)
    set(export_set netwrightTrainingTargets)
    set(with_training ON)
  endif()
  install(TARGETS ${room} EXPORT ${export_set} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()

install(EXPORT netwrightTargets NAMESPACE netwright:: DESTINATION "${package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/cmake/FindNetwrightGraphviz.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindNetwrightXgboost.cmake" DESTINATION "${package_dir}")
if(with_training)
  install(EXPORT netwrightTrainingTargets NAMESPACE netwright:: DESTINATION "${package_dir}")
  install(FILES "${PROJECT_SOURCE_DIR}/cmake/FindNetwrightTorch.cmake" DESTINATION "${package_dir}")
endif()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/netwrightConfig.cmake.in" "${PROJECT_BINARY_DIR}/netwrightConfig.cmake"
  INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/netwrightConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/netwrightConfig.cmake" "${PROJECT_BINARY_DIR}/netwrightConfigVersion.cmake" DESTINATION "${package_dir}")

# The programs find each other in one folder. They keep the rpath to the torch that they were linked with.
foreach(program IN ITEMS netwright netwright-train)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
