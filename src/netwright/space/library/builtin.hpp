#pragma once
// The built-in spaces. To add one: write library/NAME.cpp, declare it here, and give it a line in builtin.cpp.
#include <memory>

#include "netwright/space/space.hpp"

namespace netwright {

std::unique_ptr<Space> make_nasbench101();
std::unique_ptr<Space> make_nasbench201();
std::unique_ptr<Space> make_nats_size();
std::unique_ptr<Space> make_nasbenchmacro();
std::unique_ptr<Space> make_transnas_micro();
std::unique_ptr<Space> make_transnas_macro();
std::unique_ptr<Space> make_mlp();
std::unique_ptr<Space> make_conv1d();
std::unique_ptr<Space> make_minimal();    // one edge: conv 3x3, conv 5x5 or skip
std::unique_ptr<Space> make_minimal2();   // two such edges in sequence, each with a decision of its own

}  // namespace netwright
