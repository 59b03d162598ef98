#include "inference/deepfill_steps.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "core/status.h"
#include "inference/deepfill_layers.h"

namespace infill::inference {

using kernels::ConvolutionSpec;
using kernels::Precision;
using kernels::Region;

namespace {

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

// The two tensors of a layer, checked; spec.out_channels is what they give.
struct LayerWeights {
  Weight weight, bias;

  LayerWeights(ConvolutionSpec& spec, const std::string& layer, const WeightLookup& weights)
      : weight(weights(layer + ".conv.weight")), bias(weights(layer + ".conv.bias")) {
    const std::string weight_key = layer + ".conv.weight";
    const std::string bias_key = layer + ".conv.bias";
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
  }
};

class Steps {
 public:
  Steps(DeepFillBuilder& builder, const DeepFillVariant& variant, const WeightLookup& weights,
        Precision precision)
      : builder_(builder), variant_(variant), weights_(weights), precision_(precision) {}

  struct MapInfo {
    int number;
    int32_t channels;
    int shift;
  };

  MapInfo add_map(int32_t channels, int shift) {
    return {builder_.add_map(channels, shift), channels, shift};
  }

  // Appends layers, each into a new map. Returns the last map.
  MapInfo chain(std::span<const DeepFillLayer> layers, MapInfo from) {
    for (const DeepFillLayer& layer : layers) {
      const Layer added(*this, layers, layer, from);
      const MapInfo to = add_map(added.spec.out_channels, added.shift);
      add(added, from, to, 0);
      from = to;
    }
    return from;
  }

  // The same; the last layer goes into a half of map `into`, from channel `first` on.
  void chain_into(std::span<const DeepFillLayer> layers, MapInfo from, const MapInfo& into, int32_t first) {
    from = chain(layers.first(layers.size() - 1), from);
    const Layer last(*this, layers, layers.back(), from);
    require_channels(layers.back(), last.spec.out_channels, into.channels / 2);
    add(last, from, into, first);
  }

  MapInfo add_mix(const MapInfo& input, const MapInfo& coarse) {
    const MapInfo to = add_map(kDeepFillColours, 0);
    builder_.add_mix(input.number, coarse.number, to.number,
                     [](size_t which, const Region& wanted, const Region& hole) {
                       if (which == 0) return wanted;
                       return Region{std::max(wanted.y0, hole.y0), std::max(wanted.x0, hole.x0),
                                     std::min(wanted.y1, hole.y1), std::min(wanted.x1, hole.x1)};
                     });
    return to;
  }

  // Every key counts, whatever is wanted.
  MapInfo add_attention(const MapInfo& from, const MapInfo& input) {
    const MapInfo to = add_map(from.channels, from.shift);
    const AttentionStep attention{.channels = from.channels,
                                  .n_down = from.shift,
                                  .fuse = variant_.fuse,
                                  .tf_compat = variant_.tensorflow,
                                  .precision = precision_};
    builder_.add_attention(attention, from.number, input.number, to.number,
                           [](size_t, const Region&, const Region&) {
                             return Region{0, 0, INT32_MAX, INT32_MAX};
                           });
    return to;
  }

 private:
  // A layer with its weights.
  struct Layer {
    ConvolutionSpec spec;
    LayerWeights weights;
    int shift;

    Layer(const Steps& steps, std::span<const DeepFillLayer> layers, const DeepFillLayer& layer,
          const MapInfo& from)
        : spec(steps.spec_of(layers, layer, from)),
          weights(spec, layer.key(steps.variant_.tensorflow), steps.weights_),
          shift(from.shift + (layer.stride == 2 ? 1 : 0) - (layer.upsample == 2 ? 1 : 0)) {
      if (!layer.gated) steps.require_channels(layer, spec.out_channels, kDeepFillColours);
    }
  };

  void add(const Layer& layer, const MapInfo& from, const MapInfo& to, int32_t first) {
    builder_.add_convolution(layer.spec, layer.weights.weight.values.data(), layer.weights.bias.values.data(),
                             from.number, to.number, first);
  }

  [[nodiscard]] ConvolutionSpec spec_of(std::span<const DeepFillLayer> layers, const DeepFillLayer& layer,
                                        const MapInfo& from) const {
    const int32_t pad = layer.dilation * (layer.kernel - 1) / 2;
    // SAME: with stride 2 the odd row of zeros lies behind.
    const int32_t before = variant_.tensorflow && layer.stride == 2 ? pad - 1 : pad;
    return {.in_channels = from.channels,
            .out_channels = 0,
            .kernel = layer.kernel,
            .stride = layer.stride,
            .dilation = layer.dilation,
            .pad_top = before,
            .pad_left = before,
            .upsample = layer.upsample,
            .gated = layer.gated,
            .activation = layer.activation,
            .precision = precision_of(layers, layer, from.shift)};
  }

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

  DeepFillBuilder& builder_;
  const DeepFillVariant& variant_;
  const WeightLookup& weights_;
  const Precision precision_;
};

}  // namespace

DeepFillMaps build_deepfill_steps(DeepFillBuilder& builder, const DeepFillVariant& variant,
                                  const WeightLookup& weights, Precision precision) {
  const DeepFillLayers& layers = deepfill_layers();
  Steps steps(builder, variant, weights, precision);
  const auto input = steps.add_map(kDeepFillInputs, 0);
  const auto coarse = steps.chain(layers.coarse, input);
  const auto mixed = steps.add_mix(input, coarse);
  const auto attended = steps.add_attention(steps.chain(layers.before_attention, mixed), input);
  const auto both = steps.add_map(2 * attended.channels, attended.shift);
  steps.chain_into(layers.after_attention, attended, both, attended.channels);
  steps.chain_into(layers.convolutions, mixed, both, 0);
  const auto refined = steps.chain(layers.decoder, both);
  return {input.number, coarse.number, refined.number};
}

}  // namespace infill::inference
