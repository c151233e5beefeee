# XGBoost's C interface, as the imported target netwright_xgboost (Debian: libxgboost-dev).
find_path(NetwrightXgboost_INCLUDE xgboost/c_api.h)
find_library(NetwrightXgboost_LIBRARY xgboost)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NetwrightXgboost REQUIRED_VARS NetwrightXgboost_LIBRARY NetwrightXgboost_INCLUDE
  REASON_FAILURE_MESSAGE "install XGBoost with its headers (Debian: libxgboost-dev), or configure with -DNETWRIGHT_XGBOOST=OFF")
if(NetwrightXgboost_FOUND AND NOT TARGET netwright_xgboost)
  add_library(netwright_xgboost INTERFACE IMPORTED GLOBAL)
  target_include_directories(netwright_xgboost SYSTEM INTERFACE "${NetwrightXgboost_INCLUDE}")
  target_link_libraries(netwright_xgboost INTERFACE "${NetwrightXgboost_LIBRARY}")
endif()
