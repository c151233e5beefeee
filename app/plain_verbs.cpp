// The verbs that need no torch, in one list.
#include "phases.hpp"
#include "verbs.hpp"

namespace netwright {

Verbs plain_verbs() {
  return {
      .init = init,
      .check = check,
      .search = [](const SearchVerbOptions& options, std::ostream& out) { return search(plain_abilities(), options, out); },
      .resume = [](const ResumeOptions& options, std::ostream& out) { return resume(plain_abilities(), options, out); },
      .worker = [](const WorkerOptions& options, std::ostream& out) { return worker(plain_abilities(), options, out); },
      .status = status,
      .top = top,
      .derive = derive,
      .report = report,
      .show = show,
      .profile = profile,
      .draw = draw,
      .scale = scale,
      .table = table,
      .compare = compare,
      .predict = predict,
      .correlate = correlate,
      .space = space,
      .list = list,
      .matrix = matrix,
      .doctor = doctor,
  };
}

}  // namespace netwright
