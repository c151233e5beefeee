#pragma once
// The makers behind the list of relaxations.
#include "netwright/supernet/independent.hpp"

namespace netwright {

std::unique_ptr<Relaxation> make_softmax(const RelaxationCase& c);
std::unique_ptr<Relaxation> make_sigmoid(const RelaxationCase& c);
std::unique_ptr<Relaxation> make_gumbel(const RelaxationCase& c);        // concrete too: the same samples, another schedule
std::unique_ptr<Relaxation> make_dirichlet(const RelaxationCase& c);
std::unique_ptr<Relaxation> make_gumbel_hard(const RelaxationCase& c);
std::unique_ptr<Relaxation> make_gates(const RelaxationCase& c);
std::unique_ptr<Relaxation> make_uniform(const RelaxationCase& c);
std::unique_ptr<Relaxation> make_fair(const RelaxationCase& c);
std::unique_ptr<Relaxation> make_sandwich(const RelaxationCase& c);
std::unique_ptr<Relaxation> make_policy(const RelaxationCase& c);

}  // namespace netwright
