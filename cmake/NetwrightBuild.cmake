# Settings of every target, and the one function that declares a room.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2")

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  add_link_options(-fuse-ld=mold)
endif()
if(NETWRIGHT_SANITIZE)
  add_compile_options(-fsanitize=${NETWRIGHT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${NETWRIGHT_SANITIZE})
endif()

set_property(GLOBAL PROPERTY NETWRIGHT_ROOMS "")

# netwright_room(core
#   [TORCH]                      the room may include torch headers
#   USES graph space             rooms whose headers it may include (public)
#   LIBRARIES fmt::fmt           libraries linked privately
#   HEADERS a.hpp                installed headers
#   SOURCES a.cpp
#   TESTS a_test.cpp             one test executable and one ctest entry for the room
#   TEST_USES space              rooms that only its tests include
# )
function(netwright_room room)
  cmake_parse_arguments(ROOM "TORCH" "" "USES;LIBRARIES;HEADERS;SOURCES;TESTS;TEST_USES" ${ARGN})
  set(target netwright_${room})
  foreach(kind SOURCES HEADERS TESTS)   # PARTIAL-TREE
    set(present "")   # PARTIAL-TREE
    foreach(file IN LISTS ROOM_${kind})   # PARTIAL-TREE
      if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${file}")   # PARTIAL-TREE
        list(APPEND present ${file})   # PARTIAL-TREE
      endif()   # PARTIAL-TREE
    endforeach()   # PARTIAL-TREE
    set(ROOM_${kind} ${present})   # PARTIAL-TREE
  endforeach()   # PARTIAL-TREE
  if(ROOM_SOURCES)
    add_library(${target} STATIC ${ROOM_SOURCES})
    set(scope PUBLIC)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-missing-field-initializers)
    target_link_libraries(${target} PRIVATE ${ROOM_LIBRARIES})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(netwright::${room} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${room})
  target_sources(${target} ${scope} FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/src" FILES ${ROOM_HEADERS})
  target_compile_features(${target} ${scope} cxx_std_20)
  foreach(used IN LISTS ROOM_USES)
    target_link_libraries(${target} ${scope} netwright_${used})
  endforeach()
  if(ROOM_TORCH)
    target_link_libraries(${target} ${scope} netwright_libtorch)
  endif()
  set_property(GLOBAL APPEND PROPERTY NETWRIGHT_ROOMS ${target})
  if(NETWRIGHT_TESTS AND ROOM_TESTS)
    add_executable(${room}_test ${ROOM_TESTS})
    target_link_libraries(${room}_test PRIVATE ${target} GTest::gtest GTest::gtest_main rapidcheck ${ROOM_LIBRARIES})
    foreach(used IN LISTS ROOM_TEST_USES)
      target_link_libraries(${room}_test PRIVATE netwright_${used})
    endforeach()
    target_compile_definitions(${room}_test PRIVATE NETWRIGHT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME ${room} COMMAND ${room}_test)
    set_tests_properties(${room} PROPERTIES TIMEOUT 900 ENVIRONMENT "OMP_WAIT_POLICY=passive")
    if(ROOM_TORCH)
      set_tests_properties(${room} PROPERTIES LABELS torch)
    endif()
  endif()
endfunction()

find_package(nlohmann_json 3.11 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(SQLiteCpp REQUIRED)
find_package(Threads REQUIRED)
find_package(CLI11 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(GRAPHVIZ REQUIRED IMPORTED_TARGET libgvc libcgraph)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
if(NETWRIGHT_TESTS)
  find_package(GTest REQUIRED)
  find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
  if(NOT TARGET rapidcheck)
    add_library(rapidcheck UNKNOWN IMPORTED)
    set_target_properties(rapidcheck PROPERTIES IMPORTED_LOCATION "${RAPIDCHECK_LIBRARY}")
  endif()
endif()
if(NETWRIGHT_TRAINING)
  find_package(NetwrightTorch REQUIRED)
  pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
  find_package(PNG REQUIRED)
endif()
