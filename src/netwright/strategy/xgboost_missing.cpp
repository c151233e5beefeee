// In place of xgboost.cpp where XGBoost is not linked.
#include "netwright/core/error.hpp"
#include "netwright/strategy/xgboost.hpp"

namespace netwright {

std::string xgboost_missing() {
  return "this build links no XGBoost; install it (Debian: libxgboost-dev), then build with cmake -DNETWRIGHT_XGBOOST=ON";
}

std::unique_ptr<Regressor> make_xgboost(const XgboostOptions&) { throw UsageError("xgboost: " + xgboost_missing()); }

}  // namespace netwright
