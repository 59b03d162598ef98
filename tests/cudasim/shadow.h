// What the checker remembers of each word of memory: the last write and up to three reads that may race with
// a write.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cudasim/ordering.h"

namespace infill::cudasim {

enum class Access : uint8_t { kRead, kWrite, kAtomic };

struct Stamp {
  Ordering::Time time;
  uint16_t thread;
  Access access;
  bool pending;  // written by a cp.async that nobody waited for yet
};

struct Cell {
  Stamp write;
  std::array<Stamp, 3> reads;
};
static_assert(sizeof(Cell) == 32);

// Cells for a piece of memory, one for every four bytes; for every two or for each byte once someone accessed
// it so.
class Shadow {
 public:
  Shadow() = default;
  explicit Shadow(size_t bytes);
  Shadow(Shadow&& other) noexcept;
  Shadow& operator=(Shadow&& other) noexcept;
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;
  ~Shadow();

  [[nodiscard]] bool empty() const { return cells_ == nullptr; }
  [[nodiscard]] unsigned grain() const { return grain_; }  // log2 of the bytes of a cell
  [[nodiscard]] Cell& cell(size_t offset) { return cells_[offset >> grain_]; }

  // Makes cells so small that none is shared by accesses of `bytes` at multiples of it.
  void refine(unsigned bytes) {
    while (grain_ > 0 && bytes < 1u << grain_) split();
  }

 private:
  void split();
  void release();

  Cell* cells_ = nullptr;
  size_t count_ = 0;
  unsigned grain_ = 2;
};

}  // namespace infill::cudasim
