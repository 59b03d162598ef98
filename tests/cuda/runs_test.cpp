#include "cuda/runs.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/hole_groups.h"
#include "core/mask.h"
#include "cuda/device.h"
#include "cuda/scan.h"
#include "support/test_image.h"

namespace infill {

bool operator==(const Run& a, const cuda::Run& b) {
  return a.y == b.y && a.x0 == b.x0 && a.x1 == b.x1;
}

namespace {

using test::DeviceArray;
using test::TestImage;

TEST(Scan, SumsOfWhatComesBefore) {
  for (const size_t count : {0, 1, 2, 31, 33, 1023, 1024, 1025, 5000, 1024 * 257 + 3}) {
    std::vector<uint32_t> values(count);
    for (size_t i = 0; i < count; ++i) values[i] = static_cast<uint32_t>(i * 2654435761U >> 20U);
    const DeviceArray<uint32_t> device(values);
    const DeviceArray<uint32_t> total(1);
    const DeviceArray<uint8_t> workspace(cuda::exclusive_scan_workspace(static_cast<int64_t>(count)));
    ASSERT_EQ(cuda::exclusive_scan(device.data(), static_cast<int64_t>(count), total.data(), workspace.data(),
                                   nullptr),
              cudaSuccess);
    uint32_t sum = 0;
    for (uint32_t& value : values) sum += std::exchange(value, sum);
    ASSERT_EQ(device.get(), values) << count;
    ASSERT_EQ(total.get()[0], sum) << count;
  }
}

TEST(Scan, CallersMistakes) {
  const DeviceArray<uint32_t> some(4);
  EXPECT_EQ(cuda::exclusive_scan(some.data(), -1, some.data(), some.data(), nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::exclusive_scan(nullptr, 4, some.data(), some.data(), nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::exclusive_scan(some.data(), 4, nullptr, some.data(), nullptr), cudaErrorInvalidValue);
  EXPECT_EQ(cuda::exclusive_scan(some.data(), 4, some.data(), nullptr, nullptr), cudaErrorInvalidValue);
}

// A mask on both sides.
struct Mask {
  Mask(int width, int height, const std::function<bool(int, int)>& hole)
      : host(Format::kMask8, width, height), device(static_cast<size_t>((width + 5) * height)) {
    std::vector<uint8_t> bytes(static_cast<size_t>((width + 5) * height), 77);
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        const uint8_t value = hole(x, y) ? static_cast<uint8_t>(1 + x % 200) : uint8_t{0};
        bytes[static_cast<size_t>(y * (width + 5) + x)] = value;
        host.set(x, y, 0, value);
      }
    }
    device.put(bytes);
    plane = {device.data(), width, height, width + 5};
  }
  TestImage host;
  DeviceArray<uint8_t> device;
  cuda::MaskPlane plane;
};

void for_each_case(const std::function<void(Mask&)>& body) {
  std::mt19937 random(1);
  for (const auto& [w, h] : {std::pair{1, 1}, {1, 40}, {97, 1}, {32, 3}, {17, 23}, {67, 31}, {64, 20}}) {
    const std::vector<std::pair<const char*, std::function<bool(int, int)>>> holes = {
        {"none", [](int, int) { return false; }},
        {"all", [](int, int) { return true; }},
        {"corners",
         [w = w, h = h](int x, int y) { return x % (w - 1 + (w == 1)) == 0 && y % (h - 1 + (h == 1)) == 0; }},
        {"border", [w = w, h = h](int x, int y) { return x == 0 || y == 0 || x == w - 1 || y == h - 1; }},
        {"board", [](int x, int y) { return (x + y) % 2 == 0; }},
        {"dust", [&random](int, int) { return random() % 20 == 0; }},
        {"half", [&random](int, int) { return random() % 2 == 0; }},
        {"comb", [h = h](int x, int y) { return x % 4 == 1 || (y == h - 1 && x > 2); }},
        {"spiral", [](int x, int y) { return (x % 6 == 0 && y % 7 != 3) || (y % 7 == 0 && x % 6 != 3); }},
        {"discs",
         [](int x, int y) { return (x % 13 - 6) * (x % 13 - 6) + (y % 11 - 5) * (y % 11 - 5) < 20; }},
    };
    for (const auto& [name, hole] : holes) {
      SCOPED_TRACE(std::string(name) + " " + std::to_string(w) + "x" + std::to_string(h));
      Mask mask(w, h, hole);
      body(mask);
    }
  }
}

struct Cpu {
  Memory memory;
  Threads threads{1};
  Task task;
  RunVector runs(const Mask& mask) {
    auto& host = const_cast<TestImage&>(mask.host);
    return read_runs(host.image(), host.image().bounds(), memory, threads, task);
  }
};

std::vector<cuda::Run> device_runs(const Mask& mask, size_t capacity, uint32_t& count) {
  const std::vector<cuda::Run> before(capacity, {-1, -2, -3});
  const DeviceArray<cuda::Run> runs(before);
  const DeviceArray<uint32_t> device_count(1);
  const DeviceArray<uint8_t> workspace(cuda::read_runs_workspace(mask.plane.height));
  cuda::ReadRunsCall call{mask.plane, runs.data(), static_cast<int64_t>(capacity), device_count.data()};
  EXPECT_EQ(cuda::read_runs(call, workspace.data(), nullptr), cudaSuccess);
  count = device_count.get()[0];
  return runs.get();
}

TEST(Runs, LikeTheCpu) {
  for_each_case([](Mask& mask) {
    Cpu cpu;
    const RunVector expected = cpu.runs(mask);
    uint32_t count = 0;
    const std::vector<cuda::Run> runs = device_runs(mask, expected.size() + 3, count);
    ASSERT_EQ(count, expected.size());
    for (size_t i = 0; i < expected.size(); ++i) ASSERT_TRUE(expected[i] == runs[i]) << i;
    for (size_t i = expected.size(); i < runs.size(); ++i) ASSERT_EQ(runs[i].y, -1);
    // Too little room: those that fit.
    if (expected.size() < 2) return;
    const size_t room = expected.size() / 2;
    const std::vector<cuda::Run> some = device_runs(mask, room, count);
    ASSERT_EQ(count, expected.size());
    for (size_t i = 0; i < room; ++i) ASSERT_TRUE(expected[i] == some[i]) << i;
  });
}

TEST(Runs, CallersMistakes) {
  const Mask mask(5, 4, [](int, int) { return true; });
  const DeviceArray<cuda::Run> runs(4);
  const DeviceArray<uint32_t> count(1);
  const DeviceArray<uint8_t> workspace(cuda::read_runs_workspace(4));
  const auto refused = [&](const std::function<void(cuda::ReadRunsCall&)>& change, void* memory) {
    cuda::ReadRunsCall call{mask.plane, runs.data(), 4, count.data()};
    change(call);
    return cuda::read_runs(call, memory, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(refused([](cuda::ReadRunsCall& call) { call.mask.data = nullptr; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::ReadRunsCall& call) { call.mask.stride = 4; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::ReadRunsCall& call) { call.mask.width = -1; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::ReadRunsCall& call) { call.runs = nullptr; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::ReadRunsCall& call) { call.count = nullptr; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::ReadRunsCall& call) { call.capacity = -1; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::ReadRunsCall&) {}, nullptr));
  EXPECT_TRUE(refused(
      [](cuda::ReadRunsCall& call) {
        call.mask = {call.mask.data, 100000, 100000, 100000};
      },
      workspace.data()));
  EXPECT_FALSE(refused([](cuda::ReadRunsCall& call) { call.mask.width = 0; }, nullptr));
  EXPECT_EQ(count.get()[0], 0U);
}

TEST(Groups, LikeTheCpu) {
  for_each_case([](Mask& mask) {
    Cpu cpu;
    const RunVector runs = cpu.runs(mask);
    const auto n = static_cast<int64_t>(runs.size());
    const DeviceArray<cuda::Run> device_runs_array(
        std::span(reinterpret_cast<const cuda::Run*>(runs.data()), runs.size()));
    for (const int32_t reach : {0, 1, 2, 5, 40}) {
      Arena measure = Arena::measuring();
      measure_hole_groups(n, measure);
      const Block block(cpu.memory, measure.peak());
      Arena arena(block.data(), block.size());
      const HoleGroups expected = group_holes(runs, reach, arena, cpu.task);

      const DeviceArray<uint32_t> group(runs.size());
      const DeviceArray<cuda::HoleGroup> groups(runs.size());
      const DeviceArray<uint32_t> group_count(1);
      const DeviceArray<uint8_t> workspace(cuda::group_runs_workspace(n));
      const cuda::GroupRunsCall call{device_runs_array.data(), n, reach, group.data(), groups.data(),
                                     group_count.data()};
      ASSERT_EQ(cuda::group_runs(call, workspace.data(), nullptr), cudaSuccess);
      ASSERT_EQ(group_count.get()[0], expected.count()) << reach;
      const std::vector<uint32_t> numbers = group.get();
      const std::vector<cuda::HoleGroup> described = groups.get();
      // The CPU lists each group's runs in order; walk them with the device's numbers.
      std::vector<size_t> at(static_cast<size_t>(expected.count()));
      for (size_t g = 0; g < at.size(); ++g) at[g] = static_cast<size_t>(expected.first_run[g]);
      for (size_t i = 0; i < runs.size(); ++i) {
        const infill::Run& next = expected.runs[at[numbers[i]]++];
        ASSERT_TRUE(next.y == runs[i].y && next.x0 == runs[i].x0) << reach << ' ' << i;
      }
      for (size_t g = 0; g < at.size(); ++g) {
        Rect box;
        for (auto r = static_cast<size_t>(expected.first_run[g]);
             r < static_cast<size_t>(expected.first_run[g + 1]); ++r) {
          const infill::Run& run = expected.runs[r];
          box = unite(box, {run.x0, run.y, run.x1 - run.x0, 1});
        }
        ASSERT_EQ(described[g].left, box.x);
        ASSERT_EQ(described[g].top, box.y);
        ASSERT_EQ(described[g].right, box.right());
        ASSERT_EQ(described[g].bottom, box.bottom());
        ASSERT_EQ(described[g].pixels,
                  static_cast<unsigned long long>(expected.first_pixel[g + 1] - expected.first_pixel[g]));
      }
    }
  });
}

TEST(Groups, CallersMistakes) {
  const DeviceArray<cuda::Run> runs(2);
  const DeviceArray<uint32_t> numbers(2);
  const DeviceArray<cuda::HoleGroup> groups(2);
  const DeviceArray<uint32_t> count(1);
  const DeviceArray<uint8_t> workspace(cuda::group_runs_workspace(2));
  const auto refused = [&](const std::function<void(cuda::GroupRunsCall&)>& change, void* memory) {
    cuda::GroupRunsCall call{runs.data(), 2, 1, numbers.data(), groups.data(), count.data()};
    change(call);
    return cuda::group_runs(call, memory, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(refused([](cuda::GroupRunsCall& call) { call.runs = nullptr; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::GroupRunsCall& call) { call.count = -1; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::GroupRunsCall& call) { call.reach = -1; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::GroupRunsCall& call) { call.reach = 65537; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::GroupRunsCall& call) { call.group = nullptr; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::GroupRunsCall& call) { call.groups = nullptr; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::GroupRunsCall& call) { call.group_count = nullptr; }, workspace.data()));
  EXPECT_TRUE(refused([](cuda::GroupRunsCall&) {}, nullptr));
  EXPECT_FALSE(refused([](cuda::GroupRunsCall& call) { call.count = 0; }, nullptr));
  EXPECT_EQ(count.get()[0], 0U);
}

}  // namespace
}  // namespace infill
