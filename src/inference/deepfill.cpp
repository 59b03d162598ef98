#include "inference/deepfill.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "core/status.h"
#include "inference/deepfill_layers.h"
#include "kernels/contextual_attention.h"

namespace infill::inference {

using kernels::ConstMap;
using kernels::Convolution;
using kernels::ConvolutionSpec;
using kernels::Map;
using kernels::Network;
using kernels::Precision;
using kernels::Region;

namespace {

// Of the input: red, green and blue in -1..1 with 0 in the hole, 1, and the mask, 1 = hole.
constexpr int32_t kMaskChannel = kDeepFillInputs - 1;

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (const int64_t size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

void require_finite(const Weight& weight, const std::string& key) {
  const auto bad = std::ranges::find_if_not(weight.values, [](float v) { return std::isfinite(v); });
  if (bad == weight.values.end()) return;
  fail(Status::kInvalidArgument, key, ": element ", bad - weight.values.begin(), " is ", *bad);
}

Convolution convolution_of(ConvolutionSpec spec, const std::string& layer, const WeightLookup& weights) {
  const std::string weight_key = layer + ".conv.weight";
  const std::string bias_key = layer + ".conv.bias";
  const Weight weight = weights(weight_key);
  const Weight bias = weights(bias_key);
  const std::vector<int64_t>& shape = weight.shape;
  if (shape.size() != 4 || shape[0] < 1 || shape[1] != spec.in_channels || shape[2] != spec.kernel ||
      shape[3] != spec.kernel || (spec.gated && shape[0] % 2 != 0)) {
    fail(Status::kInvalidArgument, weight_key, ": shape ", shape_text(shape), " instead of [",
         spec.gated ? "2n" : "n", ", ", spec.in_channels, ", ", spec.kernel, ", ", spec.kernel, "]");
  }
  if (bias.shape.size() != 1 || bias.shape[0] != shape[0]) {
    fail(Status::kInvalidArgument, bias_key, ": shape ", shape_text(bias.shape), " instead of [", shape[0],
         "]");
  }
  require_finite(weight, weight_key);
  require_finite(bias, bias_key);
  spec.out_channels = static_cast<int32_t>(spec.gated ? shape[0] / 2 : shape[0]);
  return {spec, weight.values.data(), bias.values.data()};
}

// Attention compares products of features: whether these are numbers everywhere.
bool products_are_finite(const ConstMap& features, kernels::Parallel& parallel) {
  std::atomic<bool> finite = true;
  parallel.run(features.height, [&](int64_t row) {
    const auto y = static_cast<int32_t>(row);
    parallel.advance(static_cast<uint64_t>(features.width) * static_cast<uint64_t>(features.channels));
    for (int32_t x = 0; x < features.width; ++x) {
      const float* feature = features.at(y, x);
      float squares = 0;
      for (int32_t c = 0; c < features.channels; ++c) squares += feature[c] * feature[c];
      if (!std::isfinite(squares)) finite = false;
    }
  });
  return finite;
}

void fill_with_nan(const Map& map, const Region& region) {
  for (int32_t y = region.y0; y < region.y1; ++y) {
    for (int32_t x = region.x0; x < region.x1; ++x)
      std::fill_n(map.at(y, x), map.channels, std::numeric_limits<float>::quiet_NaN());
  }
}

// The mask and the wanted queries, as bytes, come first in the scratch memory.
void attend(const kernels::ContextualAttention& attention, size_t mask_floats,
            const Network::Custom::Call& call, kernels::Parallel& parallel) {
  const ConstMap& features = call.in[0];
  const ConstMap& input = call.in[1];
  // A softmax would turn what overflowed into innocent numbers: as everywhere in a network, NaN stays NaN.
  if (!products_are_finite(features, parallel)) {
    fill_with_nan(call.out, call.region);
    return;
  }
  auto* mask = reinterpret_cast<uint8_t*>(call.scratch);
  auto* wanted = reinterpret_cast<uint8_t*>(call.scratch + mask_floats);
  float* rest = call.scratch + 2 * mask_floats;
  parallel.run(input.height, [&](int64_t row) {
    const auto y = static_cast<int32_t>(row);
    parallel.advance(static_cast<uint64_t>(input.width));
    for (int32_t x = 0; x < input.width; ++x)
      mask[row * input.width + x] = input.at(y, x)[kMaskChannel] > 0 ? 1 : 0;
  });
  const int32_t columns = attention.grid_width();
  std::fill_n(wanted, static_cast<ptrdiff_t>(attention.grid_height()) * columns, uint8_t{0});
  const int32_t x0 = call.region.x0 / 2;
  const int32_t x1 = (call.region.x1 + 1) / 2;
  for (int32_t y = call.region.y0 / 2; y < (call.region.y1 + 1) / 2; ++y)
    std::fill_n(wanted + static_cast<ptrdiff_t>(y) * columns + x0, x1 - x0, uint8_t{1});
  const kernels::ContextualAttentionForward forward{.f = features.data,
                                                    .b = features.data,
                                                    .mask = {.bytes = mask, .floats = nullptr},
                                                    .wanted = wanted,
                                                    .y = call.out.data};
  const size_t bytes = (call.scratch_floats - 2 * mask_floats) * sizeof(float);
  kernels::contextual_attention(attention, forward, {reinterpret_cast<std::byte*>(rest), bytes}, parallel);
}

// mixed = the input outside of the hole, what the coarse network made of it inside.
void mix(const Network::Custom::Call& call, kernels::Parallel& parallel) {
  const Region& region = call.region;
  parallel.run(region.y1 - region.y0, [&](int64_t row) {
    const auto y = region.y0 + static_cast<int32_t>(row);
    parallel.advance(static_cast<uint64_t>(region.x1 - region.x0));
    for (int32_t x = region.x0; x < region.x1; ++x) {
      const float* known = call.in[0].at(y, x);
      const float* from = known[kMaskChannel] > 0 ? call.in[1].at(y, x) : known;
      std::copy_n(from, 3, call.out.at(y, x));
    }
  });
}

class Builder {
 public:
  Builder(Network& network, const DeepFillVariant& variant, const WeightLookup& weights, Precision precision)
      : network_(network), variant_(variant), weights_(weights), precision_(precision) {}

  // Appends layers, each into a new map, the last into channel `first` of map `into` if there is one. Returns
  // the last map.
  int chain(std::span<const DeepFillLayer> layers, int from, int into = -1, int32_t first = 0) {
    for (const DeepFillLayer& layer : layers) {
      const int32_t pad = layer.dilation * (layer.kernel - 1) / 2;
      // SAME: with stride 2 the odd row of zeros lies behind.
      const int32_t before = variant_.tensorflow && layer.stride == 2 ? pad - 1 : pad;
      Convolution convolution =
          convolution_of({.in_channels = network_.channels(from),
                          .out_channels = 0,
                          .kernel = layer.kernel,
                          .stride = layer.stride,
                          .dilation = layer.dilation,
                          .pad_top = before,
                          .pad_left = before,
                          .upsample = layer.upsample,
                          .gated = layer.gated,
                          .activation = layer.activation,
                          .precision = precision_of(layers, layer, network_.shift(from))},
                         layer.key(variant_.tensorflow), weights_);
      const int shift = network_.shift(from) + (layer.stride == 2 ? 1 : 0) - (layer.upsample == 2 ? 1 : 0);
      const bool last = &layer == &layers.back() && into >= 0;
      const int32_t channels = convolution.spec().out_channels;
      if (last) require_channels(layer, channels, network_.channels(into) / 2);
      if (!layer.gated) require_channels(layer, channels, 3);
      const int to = last ? into : network_.add_map(channels, shift);
      network_.add(std::move(convolution), from, to, last ? first : 0);
      from = to;
    }
    return from;
  }

  int add_mixed(int input, int coarse) {
    const int to = network_.add_map(3, 0);
    const auto needs = [](size_t which, const Region& wanted, const Region& hole) {
      if (which == 0) return wanted;
      return Region{std::max(wanted.y0, hole.y0), std::max(wanted.x0, hole.x0), std::min(wanted.y1, hole.y1),
                    std::min(wanted.x1, hole.x1)};
    };
    network_.add({.from = {input, coarse}, .to = to, .needs = needs, .scratch = {}, .run = mix});
    return to;
  }

  // A map like `from`, filled by contextual attention of `from` to itself. Every key counts, whatever is
  // wanted.
  int add_attention(int from, int input) {
    kernels::ContextualAttention like;
    like.channels = network_.channels(from);
    like.n_down = network_.shift(from);
    like.fuse = variant_.fuse;
    like.tf_compat = variant_.tensorflow;
    like.precision = precision_;
    const auto sized = [like](int32_t height, int32_t width) {
      kernels::ContextualAttention attention = like;
      attention.height = height >> like.n_down;
      attention.width = width >> like.n_down;
      return attention;
    };
    const auto mask_floats = [](int32_t height, int32_t width) {
      constexpr size_t kLine = 64;
      const size_t bytes = static_cast<size_t>(height) * static_cast<size_t>(width);
      return (bytes / kLine + 1) * (kLine / sizeof(float));
    };
    const int to = network_.add_map(like.channels, like.n_down);
    const auto needs = [](size_t, const Region&, const Region&) {
      return Region{0, 0, INT32_MAX, INT32_MAX};
    };
    const auto scratch = [sized, mask_floats](int32_t height, int32_t width, int threads) {
      const size_t bytes = kernels::contextual_attention_workspace(sized(height, width), threads);
      return bytes / sizeof(float) + 1 + 2 * mask_floats(height, width);
    };
    const auto run = [sized, mask_floats](const Network::Custom::Call& call, kernels::Parallel& parallel) {
      const int32_t height = call.in[1].height;
      const int32_t width = call.in[1].width;
      attend(sized(height, width), mask_floats(height, width), call, parallel);
    };
    network_.add({.from = {from, input}, .to = to, .needs = needs, .scratch = scratch, .run = run});
    return to;
  }

 private:
  // Float32 stays where rounding costs most for the time it saves: in the plain layers at a quarter of the
  // size, which carry the structure, in those that attention compares, and in those that make colours.
  [[nodiscard]] Precision precision_of(std::span<const DeepFillLayer> layers, const DeepFillLayer& layer,
                                       int shift) const {
    const bool plain = layer.kernel == 3 && layer.stride == 1 && layer.dilation == 1 && layer.upsample == 1;
    const bool compared = layers.data() == deepfill_layers().before_attention.data();
    return !layer.gated || (plain && (shift == 2 || compared)) ? Precision::kFloat32 : precision_;
  }

  void require_channels(const DeepFillLayer& layer, int32_t channels, int32_t wanted) const {
    if (channels == wanted) return;
    fail(Status::kInvalidArgument, layer.key(variant_.tensorflow), ".conv.weight: gives ", channels,
         " channels instead of ", wanted);
  }

  Network& network_;
  const DeepFillVariant& variant_;
  const WeightLookup& weights_;
  const Precision precision_;
};

int32_t padded(int32_t side) {
  return (side + DeepFill::kMultiple - 1) / DeepFill::kMultiple * DeepFill::kMultiple;
}

// Where pixel i of a mirrored side of n pixels comes from: 0 1 2 3 2 1 0 1 ...
int32_t mirrored(int32_t i, int32_t n) {
  if (n == 1) return 0;
  const int32_t period = 2 * (n - 1);
  const int32_t phase = i % period;
  return std::min(phase, period - phase);
}

Region bounds_of_hole(const Map& input, kernels::Parallel& parallel) {
  Region hole{input.height, input.width, 0, 0};
  for (int32_t y = 0; y < input.height; ++y) {
    for (int32_t x = 0; x < input.width; ++x) {
      if (input.at(y, x)[kMaskChannel] == 0) continue;
      hole = {std::min(hole.y0, y), std::min(hole.x0, x), y + 1, std::max(hole.x1, x + 1)};
    }
    parallel.advance(static_cast<uint64_t>(input.width));
  }
  return hole;
}

void load(const DeepFillCall& call, const Map& input, kernels::Parallel& parallel) {
  parallel.run(input.height, [&](int64_t row) {
    const auto y = static_cast<int32_t>(row);
    const int32_t from = mirrored(y, call.height);
    parallel.advance(static_cast<uint64_t>(input.width));
    for (int32_t x = 0; x < input.width; ++x) {
      const int32_t at = mirrored(x, call.width);
      const bool unknown = call.unknown.at(at, from) != 0;
      float* pixel = input.at(y, x);
      for (size_t c = 0; c < 3; ++c) pixel[c] = unknown ? 0 : call.image.at(c).at(at, from) * 2 - 1;
      pixel[3] = 1;
      pixel[kMaskChannel] = unknown ? 1.0F : 0.0F;
    }
  });
}

void store(const Map& map, const Region& region, const std::array<Plane<float>, 3>& to,
           kernels::Parallel& parallel) {
  if (to[0].data == nullptr) return;
  parallel.run(region.y1 - region.y0, [&](int64_t row) {
    const auto y = region.y0 + static_cast<int32_t>(row);
    parallel.advance(static_cast<uint64_t>(region.x1 - region.x0));
    for (int32_t x = region.x0; x < region.x1; ++x) {
      for (int32_t c = 0; c < 3; ++c) to.at(static_cast<size_t>(c)).at(x, y) = map.at(y, x)[c] * 0.5F + 0.5F;
    }
  });
}

}  // namespace

DeepFill::DeepFill(const DeepFillVariant& variant, const WeightLookup& weights, Precision precision) {
  const DeepFillLayers& layers = deepfill_layers();
  Builder build(network_, variant, weights, precision);
  input_ = network_.add_map(kDeepFillInputs, 0);
  coarse_ = build.chain(layers.coarse, input_);
  const int mixed = build.add_mixed(input_, coarse_);
  const int attended = build.add_attention(build.chain(layers.before_attention, mixed), input_);
  const int32_t features = network_.channels(attended);
  const int both = network_.add_map(2 * features, network_.shift(attended));
  build.chain(layers.after_attention, attended, both, features);
  build.chain(layers.convolutions, mixed, both, 0);
  refined_ = build.chain(layers.decoder, both);
}

Network::Plan DeepFill::plan(int32_t height, int32_t width, const Region& wanted, const Region& hole,
                             int threads) const {
  return network_.plan(padded(height), padded(width), {input_}, {{coarse_, wanted}, {refined_, wanted}}, hole,
                       threads);
}

size_t DeepFill::scratch(int32_t height, int32_t width, int threads) const {
  const Region all{0, 0, height, width};
  Arena arena = Arena::measuring();
  static_cast<void>(arena.take<float>(plan(height, width, all, all, threads).floats));
  return arena.peak();
}

void DeepFill::run(const DeepFillCall& call, Arena& arena, kernels::Parallel& parallel,
                   const std::function<void(double)>& progress) const {
  if (call.wanted.empty()) return;
  const Region all{0, 0, call.height, call.width};
  const Network::Plan largest = plan(call.height, call.width, all, all, parallel.count());
  const ArenaScope scope(arena);
  float* memory = arena.take<float>(largest.floats).data();
  const Map input = network_.map(largest, input_, memory);
  load(call, input, parallel);
  // A plan's memory depends on the sizes alone.
  const Network::Plan needed =
      plan(call.height, call.width, call.wanted, bounds_of_hole(input, parallel), parallel.count());
  network_.run(needed, memory, parallel, progress);
  store(network_.map(needed, coarse_, memory), call.wanted, call.coarse, parallel);
  store(network_.map(needed, refined_, memory), call.wanted, call.refined, parallel);
}

}  // namespace infill::inference
