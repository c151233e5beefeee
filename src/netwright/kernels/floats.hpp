#pragma once
// Floats that begin at a line of the cache: vectors of them never cross two.
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace netwright {

template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t line{64};
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new(count * sizeof(T), line)); }
  void deallocate(T* data, std::size_t) { ::operator delete(data, line); }
  bool operator==(const LineAllocator&) const = default;
};

// Elements that nobody gave a value have none.
template <class T>
struct RawLineAllocator : LineAllocator<T> {
  template <class U>
  struct rebind {
    using other = RawLineAllocator<U>;
  };
  using LineAllocator<T>::LineAllocator;
  template <class U>
  RawLineAllocator(const RawLineAllocator<U>&) {}
  template <class U>
  void construct(U* place) { ::new (static_cast<void*>(place)) U; }
  template <class U, class... Given>
  void construct(U* place, Given&&... given) { ::new (static_cast<void*>(place)) U(std::forward<Given>(given)...); }
};

using Floats = std::vector<float, LineAllocator<float>>;
using Scratch = std::vector<float, RawLineAllocator<float>>;   // written before it is read

}  // namespace netwright
