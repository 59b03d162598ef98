// Which way gated_conv2d takes for CUDA tensors.
#include <gtest/gtest.h>

#include "cuda/torch/gated_conv2d_path.h"

namespace infill::ops {
namespace {

constexpr cuda::Precision kPrecisions[] = {cuda::Precision::kFloat32, cuda::Precision::kTf32,
                                           cuda::Precision::kFloat16, cuda::Precision::kBfloat16};

TEST(GatedConv2dPath, BothCanBeAskedFor) {
  for (const auto precision : kPrecisions) {
    for (const bool backward : {false, true}) {
      EXPECT_EQ(gated_conv2d_path("fused", 4096, 4096, precision, backward), GatedConv2dPath::kFused);
      EXPECT_EQ(gated_conv2d_path("cudnn", 1, 1, precision, backward), GatedConv2dPath::kCudnn);
    }
  }
}

// Nothing was measured yet.
TEST(GatedConv2dPath, IsFusedOtherwise) {
  for (const auto precision : kPrecisions) {
    for (const int64_t channels : {1, 96, 1 << 20}) {
      for (const bool backward : {false, true}) {
        for (const char* word : {static_cast<const char*>(nullptr), "auto"}) {
          EXPECT_EQ(gated_conv2d_path(word, channels, channels, precision, backward),
                    GatedConv2dPath::kFused);
        }
      }
    }
  }
}

TEST(GatedConv2dPath, AnotherWordIsNone) {
  for (const char* word : {"", "cuDNN", "fused ", "fuse"}) {
    EXPECT_FALSE(gated_conv2d_path(word, 8, 8, cuda::Precision::kFloat32, false).has_value()) << word;
  }
}

}  // namespace
}  // namespace infill::ops
