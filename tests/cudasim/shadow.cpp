#include "cudasim/shadow.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace infill::cudasim {
namespace {

// Zeros; pages that nobody touches cost nothing.
Cell* map_cells(size_t count) {
  void* memory = mmap(nullptr, count * sizeof(Cell), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<Cell*>(memory);
}

}  // namespace

Shadow::Shadow(size_t bytes) : count_((bytes >> 2) + 1) {
  cells_ = map_cells(count_);
}

Shadow::Shadow(Shadow&& other) noexcept
    : cells_(std::exchange(other.cells_, nullptr)), count_(other.count_), grain_(other.grain_) {}

Shadow& Shadow::operator=(Shadow&& other) noexcept {
  if (this == &other) return *this;
  release();
  cells_ = std::exchange(other.cells_, nullptr);
  count_ = other.count_;
  grain_ = other.grain_;
  return *this;
}

Shadow::~Shadow() {
  release();
}

void Shadow::release() {
  if (cells_ != nullptr) munmap(cells_, count_ * sizeof(Cell));
}

void Shadow::split() {
  Cell* finer = map_cells(count_ * 2);
  for (size_t i = 0; i < count_; ++i) finer[2 * i] = finer[2 * i + 1] = cells_[i];
  release();
  cells_ = finer;
  count_ *= 2;
  --grain_;
}

}  // namespace infill::cudasim
