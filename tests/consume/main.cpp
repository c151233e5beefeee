// Prints how many architectures NAS-Bench-201 has.
#include <iostream>

#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"

int main() {
  const auto space = netwright::find_space("nasbench201");
  std::cout << netwright::size(space->decisions()) << "\n";
}
