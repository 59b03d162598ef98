#include "cuda/contextual_attention_backward.h"

#include "contextual_attention_support.h"
#include "support/attention_gradient_reference.h"

namespace infill::cuda {
namespace {

using namespace test_attention;

// A case, and the lanes of a tile: 0, all positions are one tile.
struct Tiled {
  Case of;
  int32_t lanes = 0;
};

constexpr Tiled kCases[] = {
    {{1, 1, 3}},
    {{2, 2, 1}},
    {{1, 16, 3}},
    {{16, 1, 3}},
    {{1, 9, 8, Mask::kRectangle}},
    {{3, 5, 19}},
    {{2, 14, 3, Mask::kNone, 0.3F, false}},
    {{7, 7, 17, Mask::kEdges}},
    {{8, 9, 8, Mask::kRectangle, 1.0F, false}},
    {{9, 6, 5, Mask::kRectangle, 0.1F, true, true, 1}},
    {{8, 10, 9, Mask::kOneValid, 0.05F}},
    {{6, 6, 4, Mask::kAll}},
    {{7, 9, 6, Mask::kEdges, 0.2F, false, true, 0}},
    // Sums over its lanes in two shares.
    {{11, 12, 2, Mask::kEdges, 0.3F}},
    // Several bands, several segments, both.
    {{20, 4, 3, Mask::kRectangle, 0.2F}, 84},
    {{4, 20, 3, Mask::kRectangle, 0.2F}, 90},
    {{11, 12, 2, Mask::kEdges, 0.3F}, 96},
    {{11, 12, 5, Mask::kNone, 0.3F, false, true}, 64},
    // As few lanes as possible.
    {{3, 6, 2, Mask::kNone, 0.3F}, 64},
};

struct Gradients {
  std::vector<float> f, b;
};

struct Input {
  kernels::ContextualAttention op;
  Precision precision;
  int32_t items = 1;
  int32_t lanes;
  std::vector<float> grad, f, b;  // [N, H, W, C]
  std::vector<uint8_t> mask;      // [N, ..] or empty
  bool float_mask = false;
  bool wants_f = true, wants_b = true;
  Arrangement arrangement;

  explicit Input(const Tiled& c, Precision of = Precision::kFloat32)
      : op(operation(c.of)),
        precision(of),
        lanes(c.lanes),
        grad(make_features(op, 1, 3, of)),
        f(make_features(op, c.of.amplitude, 1, of)),
        b(make_features(op, c.of.amplitude, 2, of)),
        mask(make_mask(op, c.of.mask)) {}

  // Another item, with features and a mask of its own.
  void append(const Input& other) {
    ++items;
    grad.insert(grad.end(), other.grad.begin(), other.grad.end());
    f.insert(f.end(), other.f.begin(), other.f.end());
    b.insert(b.end(), other.b.begin(), other.b.end());
    mask.insert(mask.end(), other.mask.begin(), other.mask.end());
  }

  [[nodiscard]] ContextualAttentionBackwardCall call() const {
    ContextualAttentionBackwardCall call;
    call.items = items;
    call.height = op.height;
    call.width = op.width;
    call.channels = op.channels;
    call.precision = precision;
    call.scale = op.scale;
    call.n_down = op.n_down;
    call.fuse = op.fuse;
    call.tf_compat = op.tf_compat;
    call.tile_lanes = lanes;
    call.grad_strides = call.f_strides = call.b_strides = arrangement.strides(op);
    call.f_grad_strides = call.b_grad_strides = arrangement.strides(op);
    return call;
  }

  [[nodiscard]] Gradients run() const {
    ContextualAttentionBackwardCall call = this->call();
    const auto places = static_cast<size_t>(items * call.f_strides.picture);
    const auto placed = [&](const std::vector<float>& values) {
      std::vector<float> at(places, NAN);
      arrangement.for_values(op, items, [&](size_t place, size_t i) { at[place] = values[i]; });
      return stored(at, precision);
    };
    const Device device_grad(placed(grad));
    const Device device_f(placed(f));
    const Device device_b(placed(b));
    const Device f_grad(places * element_bytes(precision));
    const Device b_grad(places * element_bytes(precision));
    const Device bytes(mask);
    const Device floats(std::vector<float>(mask.begin(), mask.end()));
    call.workspace_bytes = contextual_attention_backward_workspace(call);
    const Device workspace(call.workspace_bytes);
    call.grad = device_grad.as<void>();
    call.f = device_f.as<void>();
    call.b = device_b.as<void>();
    if (wants_f) call.f_grad = f_grad.as<void>();
    if (wants_b) call.b_grad = b_grad.as<void>();
    if (!mask.empty() && !float_mask) call.mask_bytes = bytes.as<uint8_t>();
    if (!mask.empty() && float_mask) call.mask_floats = floats.as<float>();
    call.workspace = workspace.as<void>();
    EXPECT_EQ(contextual_attention_backward(call, nullptr), cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    const auto values = [&](const Device& device, bool wanted) {
      std::vector<float> out;
      if (!wanted) return out;
      const std::vector<float> all = loaded(device, places, precision);
      out.resize(f.size());
      arrangement.for_values(op, items, [&](size_t place, size_t i) { out[i] = all[place]; });
      return out;
    };
    return {values(f_grad, wants_f), values(b_grad, wants_b)};
  }

  // Item by item, in double.
  [[nodiscard]] test::AttentionGradientReference reference() const {
    test::AttentionGradientReference all;
    for (int32_t n = 0; n < items; ++n) {
      const auto part = [&](const auto& values, auto example) {
        const auto size = static_cast<ptrdiff_t>(values.size() / static_cast<size_t>(items));
        return std::vector<decltype(example)>(values.begin() + n * size, values.begin() + (n + 1) * size);
      };
      const auto one = test::differentiate_by_definition(op, part(grad, 0.0), part(f, 0.0), part(b, 0.0),
                                                         part(mask, uint8_t{0}));
      all.f.insert(all.f.end(), one.f.begin(), one.f.end());
      all.b.insert(all.b.end(), one.b.begin(), one.b.end());
    }
    return all;
  }
};

void expect_reference(const Input& input, double tolerance) {
  const auto expected = input.reference();
  const Gradients out = input.run();
  EXPECT_LE(difference(out.f, expected.f), tolerance);
  EXPECT_LE(difference(out.b, expected.b), tolerance);
}

// The reference itself: the slope of <grad, y> along a random direction.
TEST(ContextualAttentionBackward, ReferenceIsTheSlopeOfTheDefinition) {
  for (const size_t i : {0U, 2U, 3U, 5U, 8U, 9U, 10U, 14U}) {
    SCOPED_TRACE(name(kCases[i].of));
    const Input input(kCases[i]);
    const auto as_doubles = [](const std::vector<float>& values) {
      return std::vector<double>(values.begin(), values.end());
    };
    const std::vector<double> grad = as_doubles(input.grad);
    const std::vector<double> f = as_doubles(input.f);
    const std::vector<double> b = as_doubles(input.b);
    const auto expected = test::differentiate_by_definition(input.op, grad, f, b, input.mask);
    const auto slope = [&](bool of_b) {
      constexpr double kStep = 1e-5;
      double ends[2];
      for (const int sign : {-1, 1}) {
        std::vector<double> moved = of_b ? b : f;
        for (size_t j = 0; j < moved.size(); ++j)
          moved[j] += sign * kStep * (2 * test::uniform(4, static_cast<int>(j), 0) - 1);
        const auto y = test::attend_by_definition(input.op, of_b ? f : moved, of_b ? moved : b, input.mask).y;
        double sum = 0;
        for (size_t j = 0; j < y.size(); ++j) sum += grad[j] * y[j];
        ends[sign > 0 ? 1 : 0] = sum;
      }
      return (ends[1] - ends[0]) / (2 * kStep);
    };
    const auto along = [](const std::vector<double>& gradient) {
      double sum = 0;
      for (size_t j = 0; j < gradient.size(); ++j)
        sum += gradient[j] * (2 * test::uniform(4, static_cast<int>(j), 0) - 1);
      return sum;
    };
    EXPECT_NEAR(slope(false), along(expected.f), 1e-6 * (1 + std::abs(along(expected.f))));
    EXPECT_NEAR(slope(true), along(expected.b), 1e-6 * (1 + std::abs(along(expected.b))));
  }
}

TEST(ContextualAttentionBackward, EqualsTheDefinition) {
  for (const Tiled& c : kCases) {
    SCOPED_TRACE(name(c.of) + " lanes " + std::to_string(c.lanes));
    expect_reference(Input(c), 2e-5);
  }
}

// Features that the precision has are rounded no further; what remains is the rounding of products to TF32
// and of the gradients.
TEST(ContextualAttentionBackward, EqualsTheDefinitionInOtherPrecisions) {
  for (const size_t i : {5U, 8U, 9U, 16U}) {
    SCOPED_TRACE(name(kCases[i].of));
    expect_reference(Input(kCases[i], Precision::kTf32), 4e-3);
    expect_reference(Input(kCases[i], Precision::kFloat16), 3e-3);
    expect_reference(Input(kCases[i], Precision::kBfloat16), 8e-3);
  }
}

// Blocks of 128 x 128 for the gradients of cells.
TEST(ContextualAttentionBackward, ManyChannels) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16})
    expect_reference(Input({{1, 2, 3072}}, precision), precision == Precision::kFloat32 ? 2e-5 : 8e-3);
}

TEST(ContextualAttentionBackward, ItemsHaveTheirOwnMasksAndAnyStrides) {
  for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
    Tiled c{{6, 8, 5, Mask::kRectangle}};
    Input input(c, precision);
    for (const Mask mask : {Mask::kEdges, Mask::kAll}) {
      c.of.mask = mask;
      c.of.amplitude += 0.4F;
      input.append(Input(c, precision));
    }
    const auto expected = input.reference();
    const Gradients first = input.run();
    EXPECT_LE(difference(first.f, expected.f), precision == Precision::kFloat32 ? 2e-5 : 8e-3);
    EXPECT_LE(difference(first.b, expected.b), precision == Precision::kFloat32 ? 2e-5 : 8e-3);
    input.arrangement = {false, 3};
    input.float_mask = true;
    const Gradients second = input.run();
    EXPECT_EQ(first.f, second.f);
    EXPECT_EQ(first.b, second.b);
  }
}

TEST(ContextualAttentionBackward, OneOfTheGradientsHasTheSameBits) {
  Input input(kCases[14]);
  const Gradients both = input.run();
  input.wants_f = false;
  EXPECT_EQ(input.run().b, both.b);
  input.wants_f = true;
  input.wants_b = false;
  EXPECT_EQ(input.run().f, both.f);
}

// Scores of thousands, patches around the smallest norm, all features 0, opposite signs.
TEST(ContextualAttentionBackward, BearsExtremeValues) {
  const Tiled c{{5, 6, 4, Mask::kRectangle}};
  for (const float amplitude : {300.0F, 1e-6F, 0.0F}) {
    SCOPED_TRACE(amplitude);
    Input input(c);
    for (float& value : input.f) value *= amplitude;
    // The softmax of thousands has their rounding in its exponents.
    expect_reference(input, amplitude > 1 ? 2e-3 : 2e-5);
  }
  // Of three rows and columns of positions all patches are shorter, some, none.
  for (const float amplitude : {1e-5F, 1.2e-4F, 1e-3F}) {
    SCOPED_TRACE(amplitude);
    Input input(Tiled{{5, 6, 4}});
    for (float& value : input.b) value *= amplitude;
    expect_reference(input, 2e-5);
  }
  Input input(c);
  input.op.scale = -30;
  expect_reference(input, 2e-5);
  input.grad.assign(input.grad.size(), 0);
  const Gradients none = input.run();
  EXPECT_EQ(none.f, std::vector<float>(input.f.size()));
  EXPECT_EQ(none.b, std::vector<float>(input.b.size()));
}

TEST(ContextualAttentionBackward, RefusesWhatItDoesNotDo) {
  const Input input(kCases[1]);
  const Device values(input.f);
  const Device gradients(input.f);
  const ContextualAttentionBackwardCall described = input.call();
  const Device workspace(contextual_attention_backward_workspace(described));
  ContextualAttentionBackwardCall good = described;
  good.grad = good.f = good.b = values.as<void>();
  good.f_grad = gradients.as<void>();
  good.workspace = workspace.as<void>();
  good.workspace_bytes = contextual_attention_backward_workspace(good);
  EXPECT_EQ(contextual_attention_backward(good, nullptr), cudaSuccess);
  const auto refused = [&](const auto& change) {
    ContextualAttentionBackwardCall call = good;
    change(call);
    return contextual_attention_backward(call, nullptr) == cudaErrorInvalidValue;
  };
  EXPECT_TRUE(refused([](auto& call) { call.height = 0; }));
  EXPECT_TRUE(refused([](auto& call) { call.width = -1; }));
  EXPECT_TRUE(refused([](auto& call) { call.channels = (1 << 16) + 1; }));
  EXPECT_TRUE(refused([](auto& call) { call.items = -1; }));
  EXPECT_TRUE(refused([](auto& call) { call.scale = INFINITY; }));
  EXPECT_TRUE(refused([](auto& call) { call.n_down = -1; }));
  EXPECT_TRUE(refused([](auto& call) { call.tile_lanes = 63; }));
  EXPECT_TRUE(refused([](auto& call) { call.tile_lanes = 16385; }));
  EXPECT_TRUE(refused([](auto& call) { call.grad = nullptr; }));
  EXPECT_TRUE(refused([](auto& call) { call.f = nullptr; }));
  EXPECT_TRUE(refused([](auto& call) { call.b = nullptr; }));
  EXPECT_TRUE(refused([](auto& call) { call.f_grad = nullptr; }));
  EXPECT_TRUE(refused([](auto& call) { call.workspace = nullptr; }));
  EXPECT_TRUE(refused([](auto& call) { call.workspace = static_cast<char*>(call.workspace) + 16; }));
  EXPECT_TRUE(refused([](auto& call) { --call.workspace_bytes; }));
  EXPECT_TRUE(refused([](auto& call) { call.precision = static_cast<Precision>(9); }));
  EXPECT_TRUE(refused([&](auto& call) {
    call.mask_bytes = values.as<uint8_t>();
    call.mask_floats = values.as<float>();
  }));
  good.height = 0;
  EXPECT_EQ(contextual_attention_backward_workspace(good), 0);
  ContextualAttentionBackwardCall none = described;
  none.items = 0;
  EXPECT_EQ(contextual_attention_backward(none, nullptr), cudaSuccess);
}

ContextualAttentionBackwardCall picture(int32_t side, Precision precision = Precision::kFloat32) {
  ContextualAttentionBackwardCall call;
  call.height = call.width = side / 4;
  call.channels = 96;
  call.precision = precision;
  return call;
}

// Beside the tiles' matrices, 108 MB at most.
TEST(ContextualAttentionBackward, WorkspaceIsOfTheOrderOfTheFeatures) {
  for (const int32_t side : {512, 1024, 2048}) {
    const ContextualAttentionBackwardCall call = picture(side);
    const size_t features = static_cast<size_t>(call.height * call.width * 96) * sizeof(float);
    const size_t bytes = contextual_attention_backward_workspace(call);
    EXPECT_GT(bytes, 0U);
    EXPECT_LE(bytes, 2 * features + (size_t{128} << 20)) << side;
  }
  ContextualAttentionBackwardCall strip = picture(2048);
  strip.height = 1;
  strip.width = 1 << 16;
  EXPECT_LE(contextual_attention_backward_workspace(strip), size_t{512} << 20);
}

TEST(ContextualAttentionBackward, MultipliesLittleMoreThanNeeded) {
  for (const int32_t side : {512, 1024, 2048}) {
    const ContextualAttentionBackwardCost cost = contextual_attention_backward_cost(picture(side));
    const double all = cost.scores + cost.cells + cost.position_gradients + cost.cell_gradients;
    EXPECT_GE(all, cost.needed * 0.75);
    EXPECT_LE(all / cost.needed, 1.3) << side;
  }
}

}  // namespace
}  // namespace infill::cuda
