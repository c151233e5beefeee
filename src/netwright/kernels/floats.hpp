#pragma once
// Floats that begin at a line of the cache: vectors of them never cross two.
#include <cstddef>
#include <new>
#include <utility>
#include <vector>

namespace netwright {

// Memory for scratch, beginning at a line. A thread keeps what it gives back for whoever asks for as much next: a training step asks some thousands
// of times, malloc's aligned blocks cost 2 us each, and what was written last is in the cache. At most 16 blocks of a size (powers of two up to
// 4 MB); larger ones go back to the system.
void* take_lines(std::size_t bytes);
void give_lines(void* lines, std::size_t bytes);

template <class T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>&) {}
  T* allocate(std::size_t count) { return static_cast<T*>(take_lines(count * sizeof(T))); }
  void deallocate(T* data, std::size_t count) { give_lines(data, count * sizeof(T)); }
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
