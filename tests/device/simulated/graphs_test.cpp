#include "device/graphs.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

#include "device/pictures.h"

namespace infill::device {
namespace {

class Graphed : public testing::Test {
 protected:
  using Key = std::array<uint64_t, 2>;

  // Gives the stream the byte, for the number of a key; returns what lies there then.
  uint8_t set(uint64_t number, uint8_t byte) {
    const Key key{number, 7};
    graphs.run(key, stream, [&] {
      ++calls;
      device.check(device.runtime().set(block.data() + number, byte, 1, stream.get()), "setting");
    });
    uint8_t result = 0;
    download({device, stream, memory}, &result, block.data() + number, 1, "reading");
    return result;
  }

  const Device device{0, INFILL_CUDA_MODULE_DIR};
  const Stream stream{device};
  Memory memory{device.allocator()};
  const Block block{memory, 64};
  Graphs graphs{device};
  int calls = 0;
};

TEST_F(Graphed, WhatComesAgainIsRecordedOnce) {
  EXPECT_EQ(set(1, 10), 10) << "the first time it is done";
  EXPECT_EQ(set(1, 11), 11) << "the second time it is recorded and done";
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(set(2, 99), 99);
  // From now on the recorded byte is set, whatever body would do.
  EXPECT_EQ(set(1, 12), 11);
  EXPECT_EQ(set(1, 13), 11);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(graphs.hits(), 2U);
}

TEST_F(Graphed, TheOldestIsForgotten) {
  for (uint64_t number = 0; number <= Graphs::kKept; ++number) {
    set(number, 1);
    set(number, 2);
  }
  calls = 0;
  EXPECT_EQ(set(Graphs::kKept, 3), 2);
  EXPECT_EQ(set(1, 3), 2);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(set(0, 3), 3) << "it has to be done again";
  EXPECT_EQ(calls, 1);
}

TEST_F(Graphed, AFailureWhileRecordingLeavesTheStreamInOrder) {
  EXPECT_EQ(set(5, 1), 1);
  const Key key{5, 7};
  EXPECT_THROW(graphs.run(key, stream, [] { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_EQ(set(5, 6), 6);
  EXPECT_EQ(set(5, 7), 6);
}

}  // namespace
}  // namespace infill::device
