#include "core/memory.h"

#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "core/status.h"

namespace infill {

namespace {

// Blocks of this size and more ask for huge pages: solvers visit them again and again, and looking up the
// address of small pages can take half of their time, above all in virtual machines.
constexpr size_t kHugePage = size_t{2} << 20U;

std::align_val_t alignment_of(size_t size) {
  return std::align_val_t{size >= kHugePage ? kHugePage : Memory::kAlignment};
}

void* take(size_t size) {
  void* memory = ::operator new(size, alignment_of(size), std::nothrow);
#if defined(MADV_HUGEPAGE)
  // Whether the system has any is its own affair.
  if (memory != nullptr && size >= kHugePage)
    (void)madvise(memory, size / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return memory;
}

}  // namespace

void* Memory::allocate(size_t size) {
  const uint64_t now = used_.fetch_add(size, std::memory_order_relaxed) + size;
  void* memory = nullptr;
  try {
    memory = parent_ != nullptr ? parent_->allocate(size) : allocate_here(size, now);
  } catch (...) {
    used_.fetch_sub(size, std::memory_order_relaxed);
    throw;
  }
  uint64_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
  return memory;
}

void* Memory::allocate_here(size_t size, uint64_t in_use) {
  if (limit_ != 0 && in_use > limit_) {
    fail(Status::kMemoryLimit, "memory_limit: ", size, " bytes are needed, ", limit_, " allowed and ",
         in_use - size, " in use");
  }
  void* memory = nullptr;
  if (allocator_.alloc != nullptr) {
    // The host's allocator is promised a size above zero.
    memory = allocator_.alloc(allocator_.user, size == 0 ? 1 : size, kAlignment);
  } else {
    memory = take(size);
  }
  if (memory == nullptr) fail(Status::kOutOfMemory, "out of memory: ", size, " bytes were asked for");
  return memory;
}

void Memory::release(void* memory, size_t size) noexcept {
  if (memory == nullptr) return;
  if (parent_ != nullptr) {
    parent_->release(memory, size);
  } else if (allocator_.free != nullptr) {
    allocator_.free(allocator_.user, memory, size == 0 ? 1 : size, kAlignment);
  } else {
    ::operator delete(memory, alignment_of(size));
  }
  used_.fetch_sub(size, std::memory_order_relaxed);
}

std::byte* Arena::bytes(size_t count, size_t each) {
  constexpr size_t kAlign = Memory::kAlignment;
  if (count > (SIZE_MAX / 4) / each)
    fail(Status::kOutOfMemory, "out of memory: an array of ", count, " items");
  const size_t size = (count * each + kAlign - 1) / kAlign * kAlign;
  if (size > size_ - used_) {
    fail(Status::kInternal, "scratch arena exhausted: ", size, " bytes after ", used_, " of ", size_);
  }
  std::byte* at = data_ == nullptr ? nullptr : data_ + used_;
  used_ += size;
  if (used_ > peak_) peak_ = used_;
  return at;
}

}  // namespace infill
