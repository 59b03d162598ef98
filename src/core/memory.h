// The memory of one context: the host's allocator, a limit, and what is in use.
//
// Scratch of a fill is taken as one block, cut up by an Arena. The same code that lays the arena out for a
// fill lays it out for an estimate (Arena::measuring), so an estimate cannot drift from what is used.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace infill {

struct Allocator {
  void* user = nullptr;
  void* (*alloc)(void* user, size_t size, size_t alignment) = nullptr;  // both null: the C++ heap
  void (*free)(void* user, void* memory, size_t size, size_t alignment) = nullptr;
};

// Thread-safe. Outlives every Block taken from it.
class Memory {
 public:
  static constexpr size_t kAlignment = 64;

  // limit: bytes in use at any time; 0: no limit.
  explicit Memory(const Allocator& allocator = {}, uint64_t limit = 0)
      : allocator_(allocator), limit_(limit) {}
  // Counts what one call takes of a context's memory; the allocator and the limit are the parent's.
  explicit Memory(Memory* parent) : parent_(parent) {}
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Throws kMemoryLimit (nothing was allocated) or kOutOfMemory. size 0 gives a pointer that may not be read.
  [[nodiscard]] void* allocate(size_t size);
  void release(void* memory, size_t size) noexcept;

  [[nodiscard]] uint64_t limit() const { return limit_; }
  [[nodiscard]] uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t peak() const { return peak_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] void* allocate_here(size_t size, uint64_t in_use);
  Allocator allocator_;
  uint64_t limit_ = 0;
  Memory* parent_ = nullptr;
  std::atomic<uint64_t> used_{0};
  std::atomic<uint64_t> peak_{0};
};

// Owns bytes of a Memory.
class Block {
 public:
  Block() = default;
  Block(Memory& memory, size_t size) : memory_(&memory), data_(memory.allocate(size)), size_(size) {}
  Block(Block&& other) noexcept { swap(other); }
  Block& operator=(Block&& other) noexcept {
    Block(std::move(other)).swap(*this);
    return *this;
  }
  ~Block() {
    if (memory_ != nullptr) memory_->release(data_, size_);
  }
  [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(data_); }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  void swap(Block& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }
  Memory* memory_ = nullptr;
  void* data_ = nullptr;
  size_t size_ = 0;
};

// Standard allocator over a Memory, for the few containers whose size is known only as they grow (plans).
template <class T>
class StdAllocator {
 public:
  using value_type = T;
  explicit StdAllocator(Memory& memory) noexcept : memory_(&memory) {}
  template <class U>
  StdAllocator(const StdAllocator<U>& other) noexcept : memory_(&other.memory()) {}  // NOLINT: conversion
  [[nodiscard]] T* allocate(size_t n) { return static_cast<T*>(memory_->allocate(n * sizeof(T))); }
  void deallocate(T* p, size_t n) noexcept { memory_->release(p, n * sizeof(T)); }
  [[nodiscard]] Memory& memory() const { return *memory_; }
  template <class U>
  bool operator==(const StdAllocator<U>& other) const {
    return memory_ == &other.memory();
  }

 private:
  Memory* memory_;
};

// Hands out 64-byte aligned arrays from one block, in order; rewind gives the latest ones back.
// A measuring arena hands out null pointers and only counts: run the same layout code on it to learn the
// size.
class Arena {
 public:
  static Arena measuring() { return {nullptr, SIZE_MAX}; }
  Arena(std::byte* data, size_t size) : data_(data), size_(size) {}

  // Uninitialised. Throws kInternal when the block is too small: the estimate and the fill disagree.
  template <class T>
  [[nodiscard]] std::span<T> take(size_t count) {
    static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
    return {reinterpret_cast<T*>(bytes(count, sizeof(T))), count};
  }
  [[nodiscard]] bool is_measuring() const { return data_ == nullptr; }
  [[nodiscard]] size_t mark() const { return used_; }
  void rewind(size_t mark) { used_ = mark; }
  [[nodiscard]] size_t peak() const { return peak_; }

 private:
  std::byte* bytes(size_t count, size_t each);
  std::byte* data_;
  size_t size_;
  size_t used_ = 0;
  size_t peak_ = 0;
};

// Gives back on scope exit what was taken inside the scope.
class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;
  ~ArenaScope() { arena_.rewind(mark_); }

 private:
  Arena& arena_;
  size_t mark_;
};

}  // namespace infill
