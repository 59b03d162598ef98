#include "cuda/contextual_attention.h"

#include "contextual_attention_support.h"
#include "core/memory.h"
#include "core/task.h"
#include "core/threads.h"
#include "kernels/parallel.h"
#include "support/attention_reference.h"

namespace infill::cuda {
namespace {

using namespace test_attention;

// Without fuse, with corners aligned, or both, where the sizes leave something to these.
constexpr Case kCases[] = {
    {1, 1, 3},
    {2, 2, 1},
    {1, 16, 3},
    {16, 1, 3},
    {1, 9, 8, Mask::kRectangle},
    {9, 1, 8, Mask::kRectangle},
    {3, 5, 40},
    {2, 24, 3, Mask::kNone, 0.3F, false},
    {24, 2, 3, Mask::kRectangle, 0.3F, true, true},
    {7, 7, 17, Mask::kEdges},
    {8, 12, 8, Mask::kRectangle, 1.0F, false},
    {13, 10, 5, Mask::kRectangle, 0.02F, true, true, 1},
    {12, 10, 33, Mask::kOneValid, 0.05F},
    {10, 6, 4, Mask::kAll},
    {9, 11, 6, Mask::kEdges, 0.2F, false, true, 0},
};

struct Output {
  std::vector<float> y, maximum, denominator;
  cudaError_t error = cudaSuccess;
};

struct Input {
  kernels::ContextualAttention op;
  Precision precision = Precision::kFloat32;
  int32_t items = 1;
  std::vector<float> f, b;      // [N, H, W, C]
  std::vector<uint8_t> mask;    // [N, ..] or empty
  std::vector<uint8_t> wanted;  // [N, h, w] or empty
  bool float_mask = false;
  Arrangement arrangement;

  explicit Input(const Case& c, Precision of = Precision::kFloat32)
      : op(operation(c)),
        precision(of),
        f(make_features(op, c.amplitude, 1, of)),
        b(make_features(op, c.amplitude, 2, of)),
        mask(make_mask(op, c.mask)) {}

  // Another item, with features and a mask of its own.
  void append(const Input& other) {
    ++items;
    f.insert(f.end(), other.f.begin(), other.f.end());
    b.insert(b.end(), other.b.begin(), other.b.end());
    mask.insert(mask.end(), other.mask.begin(), other.mask.end());
  }

  [[nodiscard]] ContextualAttentionCall call() const {
    ContextualAttentionCall call;
    call.items = items;
    call.height = op.height;
    call.width = op.width;
    call.channels = op.channels;
    call.precision = precision;
    call.scale = op.scale;
    call.n_down = op.n_down;
    call.fuse = op.fuse;
    call.tf_compat = op.tf_compat;
    call.f_strides = call.b_strides = call.y_strides = arrangement.strides(op);
    return call;
  }

  [[nodiscard]] Output run() const {
    ContextualAttentionCall call = this->call();
    const auto places = static_cast<size_t>(items * call.f_strides.picture);
    const auto placed = [&](const std::vector<float>& values) {
      std::vector<float> at(places, NAN);
      arrangement.for_values(op, items, [&](size_t place, size_t i) { at[place] = values[i]; });
      return stored(at, precision);
    };
    const Device device_f(placed(f));
    const Device device_b(placed(b));
    const Device y(places * element_bytes(precision));
    const size_t positions = static_cast<size_t>(items) * position_count(op);
    const Device maximum(positions * sizeof(float));
    const Device denominator(positions * sizeof(float));
    const Device bytes(mask);
    const Device floats(std::vector<float>(mask.begin(), mask.end()));
    const Device device_wanted(wanted);
    const Device workspace(contextual_attention_workspace(call));
    call.f = device_f.as<void>();
    call.b = device_b.as<void>();
    call.y = y.as<void>();
    call.maximum = maximum.as<float>();
    call.denominator = denominator.as<float>();
    if (!mask.empty() && !float_mask) call.mask_bytes = bytes.as<uint8_t>();
    if (!mask.empty() && float_mask) call.mask_floats = floats.as<float>();
    if (!wanted.empty()) call.wanted = device_wanted.as<uint8_t>();
    call.workspace = workspace.as<void>();
    call.workspace_bytes = contextual_attention_workspace(call);
    Output out;
    out.error = contextual_attention(call, nullptr);
    EXPECT_EQ(out.error, cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    const std::vector<float> all = loaded(y, places, precision);
    out.y.resize(f.size());
    arrangement.for_values(op, items, [&](size_t place, size_t i) { out.y[i] = all[place]; });
    out.maximum = maximum.read<float>(positions);
    out.denominator = denominator.read<float>(positions);
    return out;
  }

  // Item by item, in double.
  [[nodiscard]] test::AttentionReference<double> reference() const {
    test::AttentionReference<double> all;
    for (int32_t n = 0; n < items; ++n) {
      const auto part = [&](const auto& values, auto example) {
        const auto size = static_cast<ptrdiff_t>(values.size() / static_cast<size_t>(items));
        return std::vector<decltype(example)>(values.begin() + n * size, values.begin() + (n + 1) * size);
      };
      const auto one =
          test::attend_by_definition<double>(op, part(f, 0.0), part(b, 0.0), part(mask, uint8_t{0}));
      all.y.insert(all.y.end(), one.y.begin(), one.y.end());
      all.maximum.insert(all.maximum.end(), one.maximum.begin(), one.maximum.end());
      all.denominator.insert(all.denominator.end(), one.denominator.begin(), one.denominator.end());
    }
    return all;
  }
};

void expect_definition(const Input& input, double tolerance) {
  const auto expected = input.reference();
  const Output out = input.run();
  EXPECT_LE(difference(out.y, expected.y), tolerance);
  EXPECT_LE(difference(out.maximum, expected.maximum), tolerance);
  EXPECT_LE(difference(out.denominator, expected.denominator), 10 * tolerance);
}

TEST(ContextualAttention, EqualsTheDefinition) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(name(c));
    expect_definition(Input(c), 1e-5);
  }
}

// Several bands, panels and windows.
constexpr Case kTall = {90, 5, 6, Mask::kRectangle, 0.1F};
// Several segments of queries and of keys, shares of the sums over a window.
constexpr Case kWide = {6, 150, 3, Mask::kRectangle, 0.2F};

TEST(ContextualAttention, EqualsTheDefinitionAcrossTiles) {
  for (const Case& c : {kTall, kWide}) {
    SCOPED_TRACE(name(c));
    expect_definition(Input(c), 1e-5);
  }
}

// Features that the precision has are rounded no further; what remains is the rounding of products (TF32), of
// the softmax and of y.
TEST(ContextualAttention, EqualsTheDefinitionInOtherPrecisions) {
  for (const size_t i : {2U, 8U, 10U, 11U, 12U}) {
    SCOPED_TRACE(name(kCases[i]));
    const auto check = [](const Input& input, double tolerance) {
      const auto expected = input.reference();
      const Output out = input.run();
      EXPECT_LE(difference(out.y, expected.y), tolerance);
      const bool rounds = input.precision == Precision::kTf32;
      EXPECT_LE(difference(out.maximum, expected.maximum), rounds ? 2e-3 : 1e-5);
      EXPECT_LE(difference(out.denominator, expected.denominator), rounds ? 2e-2 : 1e-4);
    };
    check(Input(kCases[i], Precision::kTf32), 4e-3);
    check(Input(kCases[i], Precision::kFloat16), 2e-3);
    check(Input(kCases[i], Precision::kBfloat16), 1.2e-2);
  }
}

TEST(ContextualAttention, EqualsTheCpuKernel) {
  for (const size_t i : {9U, 11U, 14U}) {
    SCOPED_TRACE(name(kCases[i]));
    const Input input(kCases[i]);
    const Output out = input.run();
    std::vector<float> y(input.f.size());
    std::vector<float> maximum(position_count(input.op));
    std::vector<float> denominator(maximum.size());
    Threads threads(1);
    Task task;
    kernels::ThreadsParallel parallel(threads, task);
    Memory memory;
    const size_t size = kernels::contextual_attention_workspace(input.op, 1);
    const Block workspace(memory, size);
    kernels::contextual_attention(input.op,
                                  {.f = input.f.data(),
                                   .b = input.b.data(),
                                   .mask = {.bytes = input.mask.empty() ? nullptr : input.mask.data()},
                                   .y = y.data(),
                                   .maximum = maximum.data(),
                                   .denominator = denominator.data()},
                                  {workspace.data(), size}, parallel);
    EXPECT_LE(difference(out.y, y), 1e-5);
    EXPECT_LE(difference(out.maximum, maximum), 1e-5);
    EXPECT_LE(difference(out.denominator, denominator), 1e-4);
  }
}

TEST(ContextualAttention, ItemsHaveTheirOwnMasksAndAnyStrides) {
  Case c{8, 10, 5, Mask::kRectangle};
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    Input input(c, precision);
    for (const Mask mask : {Mask::kEdges, Mask::kAll}) {
      c.mask = mask;
      c.amplitude += 0.4F;
      input.append(Input(c, precision));
    }
    c = {8, 10, 5, Mask::kRectangle};
    const Output first = input.run();
    EXPECT_LE(difference(first.y, input.reference().y), precision == Precision::kFloat32 ? 1e-5 : 1.2e-2);
    input.arrangement = {false, 3};
    input.float_mask = true;
    const Output second = input.run();
    EXPECT_EQ(first.y, second.y);
    EXPECT_EQ(first.maximum, second.maximum);
    EXPECT_EQ(first.denominator, second.denominator);
    input.arrangement = {true, 2};
    EXPECT_EQ(first.y, input.run().y);
  }
}

TEST(ContextualAttention, WantedPixelsHaveTheSameBitsAndTheRestIsZero) {
  const Case two_segments{10, 60, 3, Mask::kEdges};
  for (const Case& c : {kCases[5], kCases[9], kCases[14], two_segments}) {
    SCOPED_TRACE(name(c));
    Input input(c);
    const Output all = input.run();
    const int32_t h = input.op.grid_height();
    const int32_t w = input.op.grid_width();
    for (const int kind : {0, 1, 2, 3}) {
      const auto is_wanted = [&](int32_t r, int32_t x) {
        const bool block = 3 * r >= h && 3 * r < 2 * h && 4 * x >= w && 4 * x < 2 * w;
        const bool corner = r == h - 1 && x == w - 1;
        const bool choices[] = {false, block, corner, test::uniform(3, x, r) < 0.1};
        return choices[kind];
      };
      input.wanted.clear();
      for (int32_t r = 0; r < h; ++r) {
        for (int32_t x = 0; x < w; ++x) input.wanted.push_back(is_wanted(r, x) ? 1 : 0);
      }
      const Output some = input.run();
      size_t i = 0;
      for (int32_t r = 0; r < input.op.height; ++r) {
        for (int32_t x = 0; x < input.op.width; ++x) {
          for (int32_t channel = 0; channel < input.op.channels; ++channel, ++i)
            ASSERT_EQ(some.y[i], is_wanted(r / 2, x / 2) ? all.y[i] : 0) << kind << " at " << r << ", " << x;
        }
      }
      i = 0;
      for (int32_t r = 0; r < h; ++r) {
        for (int32_t x = 0; x < w; ++x, ++i) {
          bool needed = false;
          for (int32_t y = std::max(r - 1, 0); y <= std::min(r + 1, h - 1); ++y) {
            for (int32_t j = std::max(x - 1, 0); j <= std::min(x + 1, w - 1); ++j) needed |= is_wanted(y, j);
          }
          ASSERT_EQ(some.maximum[i], needed ? all.maximum[i] : 0) << kind << " at " << r << ", " << x;
          ASSERT_EQ(some.denominator[i], needed ? all.denominator[i] : 0) << kind << " at " << r << ", " << x;
        }
      }
    }
  }
}

// The last row of a tile: its pixels lie in cells of this tile and of the one below.
TEST(ContextualAttention, WantedPixelsAtTheEdgeOfATile) {
  Input input(kTall);
  auto expected = input.reference().y;
  const int32_t last = 22;
  for (int32_t r = 0; r < input.op.grid_height(); ++r) {
    for (int32_t x = 0; x < input.op.grid_width(); ++x) input.wanted.push_back(r == last ? 1 : 0);
  }
  const auto row = static_cast<size_t>(input.op.width * input.op.channels);
  for (size_t i = 0; i < expected.size(); ++i) {
    if (i / row / 2 != last) expected[i] = 0;
  }
  EXPECT_LE(difference(input.run().y, expected), 1e-5);
}

// Scores of thousands, patches that are shorter than the smallest norm, all features 0, opposite signs.
TEST(ContextualAttention, BearsExtremeValues) {
  const Case c{9, 12, 4, Mask::kRectangle};
  for (const float amplitude : {3000.0F, 1e-6F, 0.0F}) {
    SCOPED_TRACE(amplitude);
    Input input(c);
    for (float& value : input.f) value *= amplitude;
    const auto expected = input.reference();
    const Output out = input.run();
    // The softmax of thousands has their rounding in its exponents.
    EXPECT_LE(difference(out.y, expected.y), amplitude > 1 ? 2e-2 : 1e-5);
    EXPECT_LE(difference(out.maximum, expected.maximum), 1e-5);
  }
  Input input(c);
  for (float& value : input.b) value *= 1e-5F;
  expect_definition(input, 1e-5);
  input = Input(c);
  input.op.scale = -30;
  expect_definition(input, 1e-5);
}

TEST(ContextualAttention, RefusesWhatItDoesNotDo) {
  const Input input(kCases[4]);
  const Device values(input.f);
  const ContextualAttentionCall described = input.call();
  const Device workspace(contextual_attention_workspace(described));
  ContextualAttentionCall good = described;
  good.f = good.b = values.as<void>();
  const Device y(input.f.size() * sizeof(float));
  good.y = y.as<void>();
  good.workspace = workspace.as<void>();
  good.workspace_bytes = contextual_attention_workspace(good);
  EXPECT_EQ(contextual_attention(good, nullptr), cudaSuccess);
  const auto refused = [&](const auto& change) {
    ContextualAttentionCall call = good;
    change(call);
    return contextual_attention(call, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(refused([](auto& call) { call.height = 0; }));
  EXPECT_TRUE(refused([](auto& call) { call.width = -1; }));
  EXPECT_TRUE(refused([](auto& call) { call.channels = 0; }));
  EXPECT_TRUE(refused([](auto& call) { call.channels = (1 << 16) + 1; }));
  EXPECT_TRUE(refused([](auto& call) { call.items = -1; }));
  EXPECT_TRUE(refused([](auto& call) { call.height = call.width = 1 << 17; }));
  EXPECT_TRUE(refused([](auto& call) { call.scale = NAN; }));
  EXPECT_TRUE(refused([](auto& call) { call.n_down = 9; }));
  EXPECT_TRUE(refused([](auto& call) { call.f = nullptr; }));
  EXPECT_TRUE(refused([](auto& call) { call.b = nullptr; }));
  EXPECT_TRUE(refused([](auto& call) { call.y = nullptr; }));
  EXPECT_TRUE(refused([](auto& call) { call.workspace = nullptr; }));
  EXPECT_TRUE(refused([](auto& call) { call.workspace = static_cast<char*>(call.workspace) + 16; }));
  EXPECT_TRUE(refused([](auto& call) { --call.workspace_bytes; }));
  EXPECT_TRUE(refused([](auto& call) { call.precision = static_cast<Precision>(9); }));
  EXPECT_TRUE(refused([&](auto& call) {
    call.mask_bytes = values.as<uint8_t>();
    call.mask_floats = values.as<float>();
  }));
  good.height = 0;
  EXPECT_EQ(contextual_attention_workspace(good), 0);
  ContextualAttentionCall none = described;
  none.items = 0;
  EXPECT_EQ(contextual_attention(none, nullptr), cudaSuccess);
}

ContextualAttentionCall picture(int32_t side, Precision precision = Precision::kFloat32) {
  ContextualAttentionCall call;
  call.height = call.width = side / 4;
  call.channels = 96;
  call.precision = precision;
  return call;
}

TEST(ContextualAttention, WorkspaceIsOfTheOrderOfTheFeatures) {
  for (const int32_t side : {512, 1024, 2048}) {
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
      const ContextualAttentionCall call = picture(side, precision);
      const size_t features = static_cast<size_t>(call.height * call.width * 96) * element_bytes(precision);
      EXPECT_LE(contextual_attention_workspace(call), 6 * features) << side;
    }
  }
}

TEST(ContextualAttention, MultipliesLittleMoreThanNeeded) {
  const double most[] = {1.55, 1.3, 1.3};
  int i = 0;
  for (const int32_t side : {512, 1024, 2048}) {
    const ContextualAttentionCost cost = contextual_attention_cost(picture(side));
    EXPECT_GE(cost.statistics + cost.scores + cost.paste, cost.needed);
    EXPECT_LE((cost.statistics + cost.scores + cost.paste) / cost.needed, most[i++]) << side;
  }
}

}  // namespace
}  // namespace infill::cuda
