# Graphviz, with its layout `dot` and its SVG writer linked in: the target netwright_graphviz.
# Graphviz finds its plugins by a file that a package's trigger writes; linked plugins need no such file.
find_package(PkgConfig REQUIRED)
pkg_check_modules(GRAPHVIZ QUIET REQUIRED IMPORTED_TARGET libgvc libcgraph)
find_library(NetwrightGraphviz_DOT gvplugin_dot_layout PATHS ${GRAPHVIZ_LIBRARY_DIRS} PATH_SUFFIXES graphviz)
find_library(NetwrightGraphviz_CORE gvplugin_core PATHS ${GRAPHVIZ_LIBRARY_DIRS} PATH_SUFFIXES graphviz)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NetwrightGraphviz REQUIRED_VARS NetwrightGraphviz_DOT NetwrightGraphviz_CORE)
if(NetwrightGraphviz_FOUND AND NOT TARGET netwright_graphviz)
  add_library(netwright_graphviz INTERFACE IMPORTED)
  target_link_libraries(netwright_graphviz INTERFACE "${NetwrightGraphviz_DOT}" "${NetwrightGraphviz_CORE}" PkgConfig::GRAPHVIZ)
  # An installed program keeps this path too.
  get_filename_component(NetwrightGraphviz_PLUGINS "${NetwrightGraphviz_CORE}" DIRECTORY)
  target_link_options(netwright_graphviz INTERFACE "-Wl,-rpath,${NetwrightGraphviz_PLUGINS}")
endif()
