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
using kernels::NetworkShape;
using kernels::Precision;
using kernels::Region;

namespace {

// Of the input: red, green and blue in -1..1 with 0 in the hole, 1, and the mask, 1 = hole.
constexpr int32_t kMaskChannel = kDeepFillInputs - 1;

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

kernels::ContextualAttention sized(const AttentionStep& step, int32_t height, int32_t width) {
  kernels::ContextualAttention attention;
  attention.channels = step.channels;
  attention.n_down = step.n_down;
  attention.fuse = step.fuse;
  attention.tf_compat = step.tf_compat;
  attention.precision = step.precision;
  attention.height = height >> step.n_down;
  attention.width = width >> step.n_down;
  return attention;
}

// Of a mask of the input's size, as bytes.
size_t mask_floats(int32_t height, int32_t width) {
  constexpr size_t kLine = 64;
  const size_t bytes = static_cast<size_t>(height) * static_cast<size_t>(width);
  return (bytes / kLine + 1) * (kLine / sizeof(float));
}

class CpuBuilder final : public DeepFillBuilder {
 public:
  explicit CpuBuilder(Network& network) : network_(network) {}

  int add_map(int32_t channels, int shift) override { return network_.add_map(channels, shift); }

  void add_convolution(const ConvolutionSpec& spec, const float* weight, const float* bias, int from, int to,
                       int32_t first) override {
    network_.add(Convolution(spec, weight, bias), from, to, first);
  }

  void add_mix(int input, int coarse, int to, NetworkShape::Needs needs) override {
    network_.add({.from = {input, coarse}, .to = to, .needs = std::move(needs), .scratch = {}, .run = mix});
  }

  void add_attention(const AttentionStep& attention, int from, int input, int to,
                     NetworkShape::Needs needs) override {
    const auto scratch = [attention](int32_t height, int32_t width, int threads) {
      const size_t bytes = kernels::contextual_attention_workspace(sized(attention, height, width), threads);
      return bytes / sizeof(float) + 1 + 2 * mask_floats(height, width);
    };
    const auto run = [attention](const Network::Custom::Call& call, kernels::Parallel& parallel) {
      const int32_t height = call.in[1].height;
      const int32_t width = call.in[1].width;
      attend(sized(attention, height, width), mask_floats(height, width), call, parallel);
    };
    network_.add(
        {.from = {from, input}, .to = to, .needs = std::move(needs), .scratch = scratch, .run = run});
  }

 private:
  Network& network_;
};

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
  CpuBuilder builder(network_);
  maps_ = build_deepfill_steps(builder, variant, weights, precision);
}

Network::Plan DeepFill::plan(int32_t height, int32_t width, const Region& wanted, const Region& hole,
                             int threads) const {
  return network_.plan(padded(height), padded(width), {maps_.input},
                       {{maps_.coarse, wanted}, {maps_.refined, wanted}}, hole, threads);
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
  const Map input = network_.map(largest, maps_.input, memory);
  load(call, input, parallel);
  // A plan's memory depends on the sizes alone.
  const Network::Plan needed =
      plan(call.height, call.width, call.wanted, bounds_of_hole(input, parallel), parallel.count());
  network_.run(needed, memory, parallel, progress);
  store(network_.map(needed, maps_.coarse, memory), call.wanted, call.coarse, parallel);
  store(network_.map(needed, maps_.refined, memory), call.wanted, call.refined, parallel);
}

}  // namespace infill::inference
