#include "core/memory.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/status.h"

namespace infill {
namespace {

// An allocator that keeps books and can fail from the n-th call on.
struct Host {
  int fail_at = -1;  // -1: never
  int calls = 0;
  std::set<void*> live;
  uint64_t bytes = 0;

  [[nodiscard]] Allocator allocator() {
    return {this,
            [](void* user, size_t size, size_t alignment) -> void* {
              auto* host = static_cast<Host*>(user);
              EXPECT_GT(size, 0U);
              EXPECT_EQ(alignment, Memory::kAlignment);
              if (host->calls++ == host->fail_at) return nullptr;
              void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
              host->live.insert(memory);
              host->bytes += size;
              return memory;
            },
            [](void* user, void* memory, size_t size, size_t alignment) {
              auto* host = static_cast<Host*>(user);
              EXPECT_EQ(alignment, Memory::kAlignment);
              EXPECT_EQ(host->live.erase(memory), 1U);
              host->bytes -= size;
              std::free(memory);
            }};
  }
};

Status status_of(const auto& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.status();
  }
  return Status::kOk;
}

TEST(Memory, CountsWhatIsInUseAndItsPeak) {
  Memory memory;
  {
    const Block a(memory, 1000);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % Memory::kAlignment, 0U);
    {
      const Block b(memory, 500);
      EXPECT_EQ(memory.used(), 1500U);
    }
    EXPECT_EQ(memory.used(), 1000U);
    EXPECT_EQ(memory.peak(), 1500U);
  }
  EXPECT_EQ(memory.used(), 0U);
  EXPECT_EQ(memory.peak(), 1500U);
}

TEST(Memory, TheLimitHoldsToTheByte) {
  Memory memory({}, 1000);
  Block a(memory, 600);
  EXPECT_EQ(status_of([&] { const Block b(memory, 401); }), Status::kMemoryLimit);
  EXPECT_EQ(memory.used(), 600U);
  EXPECT_EQ(memory.peak(), 600U);
  const Block b(memory, 400);
  EXPECT_EQ(status_of([&] { const Block c(memory, 1); }), Status::kMemoryLimit);
  const Block nothing(memory, 0);
  a = Block();
  const Block again(memory, 600);
  EXPECT_EQ(memory.peak(), 1000U);
}

TEST(Memory, AHugeRequestIsAnErrorNotAWrap) {
  Memory memory({}, 1000);
  const Block some(memory, 100);
  EXPECT_EQ(status_of([&] { const Block b(memory, SIZE_MAX / 2); }), Status::kMemoryLimit);
  EXPECT_EQ(memory.used(), 100U);
}

TEST(Memory, TheHostsAllocatorServesAndFails) {
  for (int n = 0; n < 4; ++n) {
    Host host;
    host.fail_at = n;
    Memory memory(host.allocator());
    std::vector<Block> blocks;
    for (int i = 0; i < 4; ++i) {
      const Status expected = i == n ? Status::kOutOfMemory : Status::kOk;
      EXPECT_EQ(status_of([&] { blocks.emplace_back(memory, static_cast<size_t>(i) * 100); }), expected);
    }
    EXPECT_EQ(blocks.size(), 3U);
    EXPECT_EQ(memory.used(), 600U - static_cast<uint64_t>(n) * 100);
    blocks.clear();
    EXPECT_EQ(memory.used(), 0U);
    EXPECT_TRUE(host.live.empty());
    EXPECT_EQ(host.bytes, 0U);
  }
}

TEST(Memory, BlocksMove) {
  Host host;
  Memory memory(host.allocator());
  Block a(memory, 10);
  std::byte* data = a.data();
  Block b(std::move(a));
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(a.data(), nullptr);  // NOLINT: what is left of it is part of the promise
  b = Block(memory, 20);
  EXPECT_EQ(memory.used(), 20U);
  b = Block();
  EXPECT_TRUE(host.live.empty());
}

TEST(Memory, ContainersCountToo) {
  Host host;
  Memory memory(host.allocator());
  {
    std::vector<int32_t, StdAllocator<int32_t>> numbers{StdAllocator<int32_t>(memory)};
    for (int32_t i = 0; i < 1000; ++i) numbers.push_back(i);
    EXPECT_EQ(memory.used(), numbers.capacity() * sizeof(int32_t));
    host.fail_at = host.calls;
    EXPECT_EQ(status_of([&] { numbers.resize(2 * numbers.capacity()); }), Status::kOutOfMemory);
    EXPECT_EQ(numbers.size(), 1000U);
  }
  EXPECT_EQ(memory.used(), 0U);
  EXPECT_TRUE(host.live.empty());
}

TEST(Memory, ACountOfOneCallInsideAContext) {
  Memory context({}, 1000);
  Memory call(&context);
  {
    const Block before(context, 300);
    {
      const Block a(call, 500);
      EXPECT_EQ(call.used(), 500U);
      EXPECT_EQ(context.used(), 800U);
      EXPECT_EQ(status_of([&] { const Block b(call, 201); }), Status::kMemoryLimit);
      EXPECT_EQ(call.used(), 500U);
    }
    EXPECT_EQ(call.peak(), 500U);
    EXPECT_EQ(call.used(), 0U);
  }
  EXPECT_EQ(context.used(), 0U);
}

TEST(Memory, ManyThreadsOneAccount) {
  Memory memory({}, 64 * 1000);
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        if (status_of([&] {
              const Block b(memory, 20000);
              b.data()[i] = std::byte{1};
            }) != Status::kOk) {
          ++refused;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(memory.used(), 0U);
  EXPECT_LE(memory.peak(), memory.limit());
  EXPECT_LT(refused.load(), 16000);
}

TEST(Arena, MeasuringAndRealAgree) {
  const auto lay_out = [](Arena& arena) {
    (void)arena.take<uint8_t>(1);
    {
      const ArenaScope scope(arena);
      (void)arena.take<double>(100);
      (void)arena.take<float>(0);
    }
    return arena.take<int32_t>(33);
  };
  Arena measuring = Arena::measuring();
  EXPECT_TRUE(measuring.is_measuring());
  EXPECT_EQ(lay_out(measuring).data(), nullptr);
  EXPECT_EQ(measuring.peak(), 64U + 832U);

  Memory memory;
  const Block block(memory, measuring.peak());
  Arena arena(block.data(), block.size());
  const std::span<int32_t> numbers = lay_out(arena);
  EXPECT_EQ(reinterpret_cast<std::byte*>(numbers.data()), block.data() + 64);
  EXPECT_EQ(numbers.size(), 33U);
  EXPECT_EQ(arena.peak(), block.size());
  EXPECT_EQ(arena.mark(), 64U + 192U);
}

TEST(Arena, ExhaustionIsABugOfOurs) {
  Memory memory;
  const Block block(memory, 256);
  Arena arena(block.data(), block.size());
  (void)arena.take<uint8_t>(192);
  EXPECT_EQ(status_of([&] { (void)arena.take<uint8_t>(65); }), Status::kInternal);
  EXPECT_EQ(arena.mark(), 192U);
  EXPECT_EQ(arena.take<uint8_t>(64).data(), reinterpret_cast<uint8_t*>(block.data()) + 192);
  EXPECT_EQ(status_of([&] { (void)arena.take<uint8_t>(1); }), Status::kInternal);
}

TEST(Arena, AnArrayThatCannotExistIsOutOfMemory) {
  Arena arena = Arena::measuring();
  EXPECT_EQ(status_of([&] { (void)arena.take<double>(SIZE_MAX / 8); }), Status::kOutOfMemory);
  EXPECT_EQ(arena.peak(), 0U);
}

}  // namespace
}  // namespace infill
