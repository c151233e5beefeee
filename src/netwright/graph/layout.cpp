#include "netwright/graph/layout.hpp"

#include <graphviz/gvc.h>

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "netwright/core/error.hpp"

extern "C" {
extern gvplugin_library_t gvplugin_core_LTX_library, gvplugin_dot_layout_LTX_library;
}

namespace netwright {
namespace {

struct Closer {
  void operator()(GVC_t* context) const { gvFreeContext(context); }
  void operator()(Agraph_t* graph) const { agclose(graph); }
};

// The numbers behind names, in the order in which they are met. Graphviz' own are the addresses of the names, and it walks clusters in their
// order: a layout would depend on the heap.
struct Numbers {
  std::map<std::string, IDTYPE> known;
  std::deque<std::string> names;             // number 2 i + 2 is names[i]; odd numbers have none
  IDTYPE unnamed = 1;
};

Numbers& numbers_of(void* state) { return *static_cast<Numbers*>(state); }

long number_of(void* state, int, char* name, IDTYPE* number, int create) {
  Numbers& numbers = numbers_of(state);
  if (name == nullptr) {
    *number = std::exchange(numbers.unnamed, numbers.unnamed + 2);
    return 1;
  }
  const auto found = numbers.known.find(name);
  if (found == numbers.known.end() && create == 0) return 0;
  if (found == numbers.known.end()) numbers.names.emplace_back(name);
  *number = found != numbers.known.end() ? found->second : (numbers.known[name] = 2 * numbers.names.size());
  return 1;
}

char* name_of(void* state, int, IDTYPE number) { return number % 2 != 0 || number == 0 ? nullptr : numbers_of(state).names[number / 2 - 1].data(); }

struct Text {
  const std::string& text;
  std::size_t read = 0;
};

int read_some(void* channel, char* buffer, int size) {
  Text& from = *static_cast<Text*>(channel);
  const std::size_t count = from.text.copy(buffer, static_cast<std::size_t>(size), from.read);
  from.read += count;
  return static_cast<int>(count);
}

std::unique_ptr<Agraph_t, Closer> read_graph(const std::string& dot) {
  static Agiddisc_t ids{.open = [](Agraph_t*, Agdisc_t*) -> void* { return new Numbers; },
                        .map = number_of,
                        .alloc = [](void*, int, IDTYPE) { return 0L; },
                        .free = [](void*, int, IDTYPE) {},
                        .print = name_of,
                        .close = [](void* state) { delete &numbers_of(state); },
                        .idregister = [](void*, int, void*) {}};
  static Agiodisc_t reading{.afread = read_some, .putstr = AgIoDisc.putstr, .flush = AgIoDisc.flush};
  static Agdisc_t services{.mem = &AgMemDisc, .id = &ids, .io = &reading};
  Text text{dot};
  return std::unique_ptr<Agraph_t, Closer>(agread(&text, &services));
}

// Only the layout and the SVG writer: text is measured by Graphviz's own tables, so that a drawing is the same on every machine,
// whatever fonts it has (with the plugin that asks Pango, one graph drawn twice in a process could differ).
std::unique_ptr<GVC_t, Closer> new_context() {
  static const std::array<lt_symlist_t, 3> plugins{{{"gvplugin_dot_layout_LTX_library", &gvplugin_dot_layout_LTX_library},
                                                    {"gvplugin_core_LTX_library", &gvplugin_core_LTX_library},
                                                    {nullptr, nullptr}}};
  return std::unique_ptr<GVC_t, Closer>(gvContextPlugins(plugins.data(), 0));
}

}  // namespace

std::string lay_out(const std::string& dot) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  agseterr(AGMAX);   // Graphviz would write to the terminal; its last message is thrown instead
  const auto fail = [] { throw Error(std::string("Graphviz cannot lay out the drawing: ") + (aglasterr() != nullptr ? aglasterr() : "no reason given")); };
  const std::unique_ptr<GVC_t, Closer> context = new_context();
  const std::unique_ptr<Agraph_t, Closer> graph = read_graph(dot);
  if (!context || !graph) fail();
  agreseterrors();
  if (gvLayout(context.get(), graph.get(), "dot") != 0 || agerrors() >= AGERR) fail();
  char* data = nullptr;
  unsigned int length = 0;
  const int failed = gvRenderData(context.get(), graph.get(), "svg", &data, &length);
  std::string svg = data != nullptr ? std::string(data, length) : "";
  if (data != nullptr) gvFreeRenderData(data);
  // The layout is never freed (some 100 KB a drawing): gvFreeLayout of Graphviz 2.42 frees the wrong address where edges with labels run along
  // the first rank, and what it never allocated after a layout that failed half-way, which only the errors tell.
  if (failed != 0 || svg.empty()) fail();
  return svg;
}

}  // namespace netwright
