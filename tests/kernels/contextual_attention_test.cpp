#include "kernels/contextual_attention.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/memory.h"
#include "core/status.h"
#include "kernels/contextual_attention_prepare.h"
#include "support/attention_reference.h"
#include "support/noise.h"
#include "support/tensor_file.h"

namespace infill {
namespace {

using kernels::ContextualAttention;
using kernels::ContextualAttentionForward;

enum class Mask { kNone, kAll, kOneValid, kRectangle, kEdges };

// Amplitude of the features: 0.02 spreads attention over all keys, 1 picks one.
struct Case {
  int32_t height, width, channels;
  Mask mask = Mask::kNone;
  float amplitude = 0.3F;
};

constexpr Case kCases[] = {
    {1, 1, 3},
    {2, 2, 1},
    {1, 16, 3},
    {16, 1, 3},
    {1, 9, 8, Mask::kRectangle},
    {9, 1, 8, Mask::kRectangle},
    {2, 40, 3},
    {40, 2, 3},
    {3, 5, 3},
    {4, 6, 8},
    {6, 4, 1, Mask::kRectangle},
    {7, 7, 3, Mask::kEdges},
    {16, 16, 8, Mask::kRectangle, 0.02F},
    {17, 23, 3, Mask::kRectangle, 1.0F},
    {24, 10, 96, Mask::kOneValid, 0.05F},
    {12, 36, 8, Mask::kAll},
    {40, 40, 3, Mask::kEdges, 0.1F},
    {34, 34, 96, Mask::kRectangle, 0.1F},
    {20, 150, 8, Mask::kRectangle, 0.1F},
    {80, 14, 8, Mask::kRectangle, 0.1F},
};

std::vector<uint8_t> make_mask(const ContextualAttention& op, Mask kind) {
  const int32_t height = op.height << op.n_down;
  const int32_t width = op.width << op.n_down;
  std::vector<uint8_t> mask;
  if (kind == Mask::kNone) return mask;
  for (int32_t r = 0; r < height; ++r) {
    for (int32_t x = 0; x < width; ++x) {
      bool hole = true;
      if (kind == Mask::kRectangle) {
        hole = r >= height / 4 && r < height / 2 && x >= width / 3 && x < 2 * width / 3;
      } else if (kind == Mask::kEdges) {
        hole = r < height / 5 || x >= width - width / 6;
      } else if (kind == Mask::kOneValid) {
        // One patch of 3 x 3 positions, at the top right.
        const int32_t step = 2 << op.n_down;
        hole = r / step > 1 || x / step < op.grid_width() - 2;
      }
      mask.push_back(hole ? 1 : 0);
    }
  }
  return mask;
}

std::vector<float> make_features(const Case& c, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(c.height) * static_cast<size_t>(c.width) *
                            static_cast<size_t>(c.channels));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = c.amplitude * static_cast<float>(2 * test::uniform(seed, static_cast<int>(i), 0) - 1);
  }
  return values;
}

struct Input {
  ContextualAttention op;
  std::vector<float> f, b;
  std::vector<uint8_t> mask;

  Input(const Case& c, bool fuse, bool tf_compat, kernels::Precision precision = kernels::Precision::kFloat32)
      : op{.height = c.height,
           .width = c.width,
           .channels = c.channels,
           .fuse = fuse,
           .tf_compat = tf_compat,
           .precision = precision},
        f(make_features(c, 1)),
        b(make_features(c, 2)),
        mask(make_mask(op, c.mask)) {}

  [[nodiscard]] test::AttentionReference<double> reference() const {
    return test::attend_by_definition<double>(op, {f.begin(), f.end()}, {b.begin(), b.end()}, mask);
  }
};

struct Output {
  std::vector<float> y, maximum, denominator;
};

Output run(const Input& input, int threads = 2, const uint8_t* wanted = nullptr, Task* task = nullptr) {
  const auto positions =
      static_cast<size_t>(input.op.grid_height()) * static_cast<size_t>(input.op.grid_width());
  Output out{std::vector<float>(input.f.size(), NAN), std::vector<float>(positions, NAN),
             std::vector<float>(positions, NAN)};
  Threads pool(threads);
  Task own;
  kernels::ThreadsParallel parallel(pool, task != nullptr ? *task : own);
  Memory memory;
  const size_t size = kernels::contextual_attention_workspace(input.op, threads);
  const Block workspace(memory, size);
  std::fill_n(workspace.data(), size, std::byte{0xFF});  // NaN
  kernels::contextual_attention(input.op,
                                {.f = input.f.data(),
                                 .b = input.b.data(),
                                 .mask = {.bytes = input.mask.empty() ? nullptr : input.mask.data()},
                                 .wanted = wanted,
                                 .y = out.y.data(),
                                 .maximum = out.maximum.data(),
                                 .denominator = out.denominator.data()},
                                {workspace.data(), size}, parallel);
  return out;
}

// max |difference| / max |reference|
template <class Values>
double difference(const std::vector<float>& values, const Values& reference) {
  double most = 0;
  double largest = 1e-30;
  for (size_t i = 0; i < values.size(); ++i) {
    const double error = std::abs(static_cast<double>(values[i]) - static_cast<double>(reference[i]));
    if (!(error <= most)) most = error;  // NaN, too
    largest = std::max(largest, std::abs(static_cast<double>(reference[i])));
  }
  return most / largest;
}

std::string name(const Case& c, bool fuse, bool tf_compat) {
  return std::to_string(c.height) + "x" + std::to_string(c.width) + "x" + std::to_string(c.channels) +
         " mask " + std::to_string(static_cast<int>(c.mask)) + (fuse ? " fuse" : "") +
         (tf_compat ? " tf" : "");
}

template <class Body>
void for_all_cases(const Body& body) {
  for (const Case& c : kCases) {
    for (const bool fuse : {true, false}) {
      for (const bool tf_compat : {false, true}) {
        SCOPED_TRACE(name(c, fuse, tf_compat));
        body(Input(c, fuse, tf_compat));
      }
    }
  }
}

std::string error_of(const ContextualAttention& op) {
  try {
    static_cast<void>(kernels::contextual_attention_workspace(op, 1));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ContextualAttention, RefusesWhatIsNotBuiltByName) {
  const ContextualAttention good{.height = 4, .width = 4, .channels = 3};
  EXPECT_EQ(error_of(good), "");
  ContextualAttention op = good;
  op.rate = 3;
  EXPECT_EQ(error_of(op), "rate: 3, only 2 is built");
  op = good;
  op.patch = 5;
  EXPECT_EQ(error_of(op), "patch: 5, only 3 is built");
  op = good;
  op.fuse_k = 1;
  EXPECT_EQ(error_of(op), "fuse_k: 1, only 3 is built");
  op = good;
  op.scale = NAN;
  EXPECT_EQ(error_of(op), "scale: nan is not finite");
  op = good;
  op.n_down = -1;
  EXPECT_EQ(error_of(op), "n_down: -1 is not between 0 and 8");
  op = good;
  op.width = 0;
  EXPECT_EQ(error_of(op), "width: 0 is not between 1 and 1048576");
}

TEST(ContextualAttention, RefusesMissingArraysAndSmallWorkspace) {
  const Input input(kCases[1], true, false);
  Threads threads(1);
  Task task;
  kernels::ThreadsParallel parallel(threads, task);
  Memory memory;
  const size_t size = kernels::contextual_attention_workspace(input.op, 1);
  const Block workspace(memory, size);
  std::vector<float> y(input.f.size());
  const ContextualAttentionForward good{.f = input.f.data(), .b = input.b.data(), .y = y.data()};
  const auto error = [&](const ContextualAttentionForward& forward, size_t bytes) -> std::string {
    try {
      kernels::contextual_attention(input.op, forward, {workspace.data(), bytes}, parallel);
    } catch (const Error& caught) {
      return caught.what();
    }
    return "";
  };
  EXPECT_EQ(error(good, size), "");
  EXPECT_EQ(error(good, size - 1).substr(0, 11), "workspace: ");
  ContextualAttentionForward bad = good;
  bad.f = nullptr;
  EXPECT_EQ(error(bad, size), "f: is null");
  bad = good;
  bad.y = nullptr;
  EXPECT_EQ(error(bad, size), "y: is null");
}

TEST(ContextualAttention, SamplesAsTensorFlowDoes) {
  // Halves go up at 170 -> 85 and to both sides at 680 -> 85.
  EXPECT_EQ(kernels::attention::sampled_pixel(42, 85, 170, 2, true), 85);
  EXPECT_EQ(kernels::attention::sampled_pixel(30, 85, 680, 8, true), 242);
  EXPECT_EQ(kernels::attention::sampled_pixel(54, 85, 680, 8, true), 437);
  EXPECT_EQ(kernels::attention::sampled_pixel(4, 8, 16, 2, true), 9);
  EXPECT_EQ(kernels::attention::sampled_pixel(7, 8, 16, 2, true), 15);
  EXPECT_EQ(kernels::attention::sampled_pixel(0, 1, 2, 2, true), 0);
  EXPECT_EQ(kernels::attention::sampled_pixel(4, 8, 16, 2, false), 8);
}

TEST(ContextualAttention, EqualsTheDefinition) {
  for_all_cases([](const Input& input) {
    const auto expected = input.reference();
    const Output out = run(input);
    EXPECT_LE(difference(out.y, expected.y), 1e-5);
    EXPECT_LE(difference(out.maximum, expected.maximum), 1e-5);
    EXPECT_LE(difference(out.denominator, expected.denominator), 1e-4);
  });
}

// Features that bfloat16 has are rounded no further; what remains is the rounding of the softmax.
TEST(ContextualAttention, InBfloat16EqualsTheDefinition) {
  for_all_cases([](const Input& exact) {
    Input input = exact;
    for (std::vector<float>* values : {&input.f, &input.b}) {
      for (float& value : *values)
        value = std::bit_cast<float>(static_cast<uint32_t>(kernels::to_bfloat16(value)) << 16);
    }
    const auto expected = input.reference();
    input.op.precision = kernels::Precision::kBfloat16;
    const Output out = run(input);
    EXPECT_LE(difference(out.y, expected.y), 4e-3);
    EXPECT_LE(difference(out.maximum, expected.maximum), 1e-5);
    EXPECT_LE(difference(out.denominator, expected.denominator), 1e-4);
  });
}

TEST(ContextualAttention, EqualsThePublishedNetworks) {
  const test::TensorFile file(INFILL_TEST_DATA "/contextual_attention.safetensors");
  for (const bool fuse : {true, false}) {
    for (const bool tf_compat : {false, true}) {
      const std::string suffix = fuse ? "fuse" : "nofuse";
      SCOPED_TRACE(suffix + (tf_compat ? " tf" : ""));
      const test::FileTensor f = file.get("f_" + suffix);
      const test::FileTensor mask = file.get("mask");
      const test::FileTensor y = file.get((tf_compat ? "y_tf_" : "y_") + suffix);
      Input input({1, 1, 1}, fuse, tf_compat);
      input.op.channels = static_cast<int32_t>(f.shape[1]);
      input.op.height = static_cast<int32_t>(f.shape[2]);
      input.op.width = static_cast<int32_t>(f.shape[3]);
      input.f = f.channels_last();
      input.b = input.f;
      for (const float value : mask.values) input.mask.push_back(value != 0 ? 1 : 0);
      EXPECT_LE(difference(run(input).y, y.channels_last()), 1e-5);
    }
  }
}

TEST(ContextualAttention, SameBitsForEveryNumberOfThreads) {
  for (const int n : {16, 18, 19, -16, -18, -19}) {
    const auto precision = n < 0 ? kernels::Precision::kBfloat16 : kernels::Precision::kFloat32;
    const Input input(kCases[std::abs(n)], true, false, precision);
    const Output one = run(input, 1);
    for (const int threads : {2, 16}) {
      const Output other = run(input, threads);
      EXPECT_EQ(one.y, other.y);
      EXPECT_EQ(one.maximum, other.maximum);
      EXPECT_EQ(one.denominator, other.denominator);
    }
  }
}

TEST(ContextualAttention, WantedPixelsHaveTheSameBitsAndTheRestIsZero) {
  int number = 0;
  for_all_cases([&](Input input) {
    if (++number % 2 == 0) input.op.precision = kernels::Precision::kBfloat16;
    const Output all = run(input);
    const int32_t h = input.op.grid_height();
    const int32_t w = input.op.grid_width();
    for (const int kind : {0, 1, 2, 3}) {
      std::vector<uint8_t> wanted;
      for (int32_t r = 0; r < h; ++r) {
        for (int32_t x = 0; x < w; ++x) {
          const bool block = 3 * r >= h && 3 * r < 2 * h && 4 * x >= w && 4 * x < 2 * w;
          const bool corners = (r == 0 || r == h - 1) && (x == 0 || x == w - 1);
          const bool choices[] = {false, block, corners, test::uniform(3, x, r) < 0.02};
          wanted.push_back(choices[kind] ? 1 : 0);
        }
      }
      const Output some = run(input, 2, wanted.data());
      for (int32_t r = 0; r < input.op.height; ++r) {
        for (int32_t x = 0; x < input.op.width; ++x) {
          const bool is_wanted = wanted[static_cast<size_t>(r / 2 * w + x / 2)] != 0;
          for (int32_t i = 0; i < input.op.channels; ++i) {
            const auto at = static_cast<size_t>((r * input.op.width + x) * input.op.channels + i);
            ASSERT_EQ(some.y[at], is_wanted ? all.y[at] : 0) << kind << " at " << r << ", " << x;
          }
        }
      }
    }
  });
}

TEST(ContextualAttention, MasksOfFloatsAreMasks) {
  const Input input({16, 16, 3, Mask::kRectangle}, true, false);
  const Output expected = run(input);
  std::vector<float> mask(input.mask.begin(), input.mask.end());
  for (float& value : mask) value *= 0.25F;
  std::vector<float> y(input.f.size());
  Threads threads(1);
  Task task;
  kernels::ThreadsParallel parallel(threads, task);
  Memory memory;
  const size_t size = kernels::contextual_attention_workspace(input.op, 1);
  const Block workspace(memory, size);
  kernels::contextual_attention(
      input.op, {.f = input.f.data(), .b = input.b.data(), .mask = {.floats = mask.data()}, .y = y.data()},
      {workspace.data(), size}, parallel);
  EXPECT_EQ(y, expected.y);
}

TEST(ContextualAttention, CanBeCancelledAtAnyTime) {
  const Input input({40, 40, 8}, true, false);
  Task whole;
  static_cast<void>(run(input, 2, nullptr, &whole));
  EXPECT_LE(whole.longest_step(), Task::kPollEvery);
  int reports = 0;
  Task task([&](const ProgressReport&) { return ++reports == 3; });
  EXPECT_THROW(static_cast<void>(run(input, 2, nullptr, &task)), Error);
  EXPECT_LT(task.operations(), whole.operations());
}

TEST(ContextualAttention, WorkspaceIsOfTheOrderOfTheFeatures) {
  // A picture of 2048 x 2048: L = 65,536, where a matrix of scores takes 17 GB.
  const ContextualAttention op{.height = 512, .width = 512, .channels = 96};
  const size_t features = size_t{512} * 512 * 96 * sizeof(float);
  EXPECT_LE(kernels::contextual_attention_workspace(op, 2), 3 * features);
  EXPECT_LE(kernels::contextual_attention_workspace(op, 16), 6 * features);
}

}  // namespace
}  // namespace infill
