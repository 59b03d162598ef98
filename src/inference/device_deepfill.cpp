#include "inference/device_deepfill.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "core/half.h"
#include "core/status.h"

namespace infill::inference {

using device::Device;
using device::Place;
using kernels::ConvolutionSpec;
using kernels::NetworkShape;
using kernels::Region;

namespace {

static_assert(static_cast<int>(cuda::Activation::kTanh) == static_cast<int>(kernels::Activation::kTanh));

cuda::GatedConv2dLayer layer_of(const ConvolutionSpec& spec, cuda::Precision precision) {
  cuda::GatedConv2dLayer layer;
  layer.in_channels = spec.in_channels;
  layer.out_channels = spec.out_channels;
  layer.kernel_height = layer.kernel_width = spec.kernel;
  layer.stride_y = layer.stride_x = spec.stride;
  layer.dilation_y = layer.dilation_x = spec.dilation;
  layer.upsample = spec.upsample;
  layer.gated = spec.gated;
  layer.activation = static_cast<cuda::Activation>(spec.activation);
  layer.precision = precision;
  return layer;
}

// Values as the device stores them.
std::vector<std::byte> stored(std::span<const float> values, cuda::Precision precision) {
  const size_t size = cuda::element_bytes(precision);
  std::vector<std::byte> bytes(values.size() * size);
  for (size_t i = 0; i < values.size(); ++i) {
    if (size == sizeof(float)) {
      std::memcpy(&bytes[i * size], &values[i], size);
    } else {
      const uint16_t half = precision == cuda::Precision::kFloat16
                                ? float_to_half(values[i])
                                : static_cast<uint16_t>(kernels::to_bfloat16(values[i]));
      std::memcpy(&bytes[i * size], &half, size);
    }
  }
  return bytes;
}

// What lies beyond the picture is its reflection, and so may be unknown, too.
Region with_reflection(Region hole, int32_t height, int32_t width) {
  const auto extend = [](int32_t& end, int32_t side) {
    if (end > 2 * side - padded(side) - 1) end = padded(side);
  };
  if (hole.empty()) return hole;
  extend(hole.y1, height);
  extend(hole.x1, width);
  return hole;
}

cuda::MapRegion region_of(const Region& region) {
  return {region.y0, region.x0, region.y1, region.x1};
}

}  // namespace

// Packs weights as the steps come.
class DeviceDeepFill::Builder final : public DeepFillBuilder {
 public:
  Builder(DeviceDeepFill& network, const Place& place) : network_(network), place_(place) {}

  int add_map(int32_t channels, int shift) override { return network_.shape_.add_map(channels, shift); }

  void add_convolution(const ConvolutionSpec& spec, const float* weight, const float* bias, int from, int to,
                       int32_t first) override {
    const cuda::GatedConv2dLayer layer = layer_of(spec, network_.precision_);
    const auto rows = static_cast<size_t>(spec.gated ? 2 * spec.out_channels : spec.out_channels);
    const auto taps = static_cast<size_t>(spec.kernel) * static_cast<size_t>(spec.kernel);
    const size_t values = rows * static_cast<size_t>(spec.in_channels) * taps;
    const cuda::Kernels& kernels = place_.device.kernels();
    const size_t packed_bytes = kernels.gated_conv2d_packed_bytes(layer);
    if (packed_bytes == 0) {
      fail(Status::kUnsupported, "desc.precision: not for this network on a device of compute capability ",
           place_.device.compute_capability() / 10, '.', place_.device.compute_capability() % 10);
    }
    Memory passing(place_.device.allocator());
    const Block weight_block = put({weight, values}, passing);
    const Block bias_block = put({bias, rows}, passing);
    Block packed(network_.weight_memory_, packed_bytes);
    const cuda::GatedConv2dWeights weights{.weight = weight_block.data(),
                                           .row_stride = static_cast<int64_t>(taps) * spec.in_channels,
                                           .channel_stride = static_cast<int64_t>(taps),
                                           .y_stride = spec.kernel,
                                           .x_stride = 1,
                                           .bias = bias_block.data()};
    place_.device.check(kernels.gated_conv2d_pack(layer, weights, packed.data(), place_.stream.get()),
                        "packing weights");
    place_.stream.wait();
    network_.shape_.add({spec, {from}, to, first, {}});
    network_.steps_.push_back({Kind::kConvolution, std::move(packed), {}});
  }

  void add_mix(int input, int coarse, int to, NetworkShape::Needs needs) override {
    network_.shape_.add({{}, {input, coarse}, to, 0, std::move(needs)});
    network_.steps_.push_back({Kind::kMix, {}, {}});
  }

  void add_attention(const AttentionStep& attention, int from, int input, int to,
                     NetworkShape::Needs needs) override {
    network_.shape_.add({{}, {from, input}, to, 0, std::move(needs)});
    network_.steps_.push_back({Kind::kAttention, {}, attention});
  }

 private:
  [[nodiscard]] Block put(std::span<const float> values, Memory& memory) const {
    const std::vector<std::byte> bytes = stored(values, network_.precision_);
    Block block(memory, bytes.size());
    device::upload(place_, block.data(), bytes.data(), bytes.size(), "copying weights");
    place_.stream.wait();  // before the bytes go
    return block;
  }

  DeviceDeepFill& network_;
  const Place& place_;
};

// One run: where everything lies. On a measuring arena nothing is run.
class DeviceDeepFill::Run {
 public:
  Run(const DeviceDeepFill& network, const cuda::Kernels& kernels, NetworkShape::Plan plan, Arena& arena)
      : network_(network), kernels_(kernels), plan_(std::move(plan)) {
    maps_ = arena.take<std::byte>(plan_.values * cuda::element_bytes(network.precision_)).data();
    const auto area = static_cast<size_t>(plan_.height) * static_cast<size_t>(plan_.width);
    mask_ = arena.take<uint8_t>(area).data();
    wanted_ = arena.take<uint8_t>(area).data();
    bad_ = arena.take<int32_t>(1).data();
    workspace_bytes_ = workspace();
    workspace_ = device::take_workspace(arena, workspace_bytes_);
  }

  // All that the work depends on.
  [[nodiscard]] std::vector<uint64_t> key(const DeviceDeepFillCall& call) const {
    const auto address = [](const void* memory) {
      return static_cast<uint64_t>(reinterpret_cast<uintptr_t>(memory));
    };
    const auto number = [](int32_t value) { return static_cast<uint64_t>(static_cast<uint32_t>(value)); };
    const cuda::NetworkPicture& picture = call.picture;
    std::vector<uint64_t> key = {address(&network_),
                                 address(maps_),
                                 address(picture.colours[0]),
                                 address(picture.colours[1]),
                                 address(picture.colours[2]),
                                 address(picture.unknown),
                                 address(call.coarse.colours[0]),
                                 address(call.overflow),
                                 number(picture.width),
                                 number(picture.height)};
    for (const Region& region : {call.wanted, plan_.hole}) {
      for (const int32_t side : {region.y0, region.x0, region.y1, region.x1}) key.push_back(number(side));
    }
    return key;
  }

  void run(const DeviceDeepFillCall& call, const Place& place, const std::function<void(double)>& progress) {
    place_ = &place;
    const cuda::NetworkMap input = map(network_.maps_.input);
    check(kernels_.network_input({call.picture, input}, stream()), "the network's input");
    double done = 0;
    for (size_t s = 0; s < network_.steps_.size(); ++s) {
      const NetworkShape::Step& step = network_.shape_.steps()[s];
      if (plan_.regions[static_cast<size_t>(step.to)].empty()) continue;
      switch (network_.steps_[s].kind) {
        case Kind::kConvolution:
          check(kernels_.gated_conv2d(convolution(s), stream()), "a convolution");
          break;
        case Kind::kMix:
          check(kernels_.network_mix({map(step.from[0]), map(step.from[1]), map(step.to), region(step.to)},
                                     stream()),
                "mixing picture and draft");
          break;
        case Kind::kAttention:
          attend(s);
          break;
      }
      done += NetworkShape::work(plan_, step);
      progress(plan_.work > 0 ? done / plan_.work : 1);
    }
    check(kernels_.find_overflow({map(network_.maps_.refined), region_of(call.wanted), call.overflow},
                                 stream()),
          "looking for overflow");
    check(kernels_.network_output({map(network_.maps_.refined), region_of(call.wanted), call.picture},
                                  stream()),
          "the network's output");
    if (call.coarse.colours[0] == nullptr) return;
    check(
        kernels_.network_output({map(network_.maps_.coarse), region_of(call.wanted), call.coarse}, stream()),
        "the network's draft");
  }

 private:
  [[nodiscard]] CUstream_st* stream() const { return place_->stream.get(); }
  void check(int error, const char* what) const { place_->device.check(error, what); }

  [[nodiscard]] std::byte* data(int number) const {
    if (maps_ == nullptr) return nullptr;
    return maps_ + plan_.offsets[static_cast<size_t>(number)] * cuda::element_bytes(network_.precision_);
  }
  [[nodiscard]] cuda::NetworkMap map(int number) const {
    const Region all = network_.shape_.whole(plan_, number);
    return {data(number), all.y1, all.x1, network_.shape_.channels(number), network_.precision_};
  }
  [[nodiscard]] cuda::MapRegion region(int number) const {
    return region_of(plan_.regions[static_cast<size_t>(number)]);
  }

  // x is the region of the map that holds values: all around it counts as zeros.
  [[nodiscard]] cuda::GatedConv2dCall convolution(size_t s) const {
    const NetworkShape::Step& step = network_.shape_.steps()[s];
    const ConvolutionSpec& spec = *step.convolution;
    const cuda::NetworkMap from = map(step.from.front());
    const cuda::NetworkMap to = map(step.to);
    const Region& known = plan_.regions[static_cast<size_t>(step.from.front())];
    const Region& out = plan_.regions[static_cast<size_t>(step.to)];
    const size_t size = cuda::element_bytes(network_.precision_);
    const auto element = [&](const cuda::NetworkMap& of, int64_t y, int64_t x, int64_t c) -> std::byte* {
      auto* begin = static_cast<std::byte*>(of.data);
      return begin == nullptr ? nullptr
                              : begin + ((y * of.width + x) * of.channels + c) * static_cast<int64_t>(size);
    };
    cuda::GatedConv2dCall call;
    call.layer = layer_of(spec, network_.precision_);
    call.in_height = known.y1 - known.y0;
    call.in_width = known.x1 - known.x0;
    call.out_height = to.height;
    call.out_width = to.width;
    call.pad_top = spec.pad_top + known.y0 * spec.upsample;
    call.pad_left = spec.pad_left + known.x0 * spec.upsample;
    call.y0 = out.y0;
    call.x0 = out.x0;
    call.y1 = out.y1;
    call.x1 = out.x1;
    call.x = element(from, known.y0, known.x0, 0);
    call.x_strides = cuda::channels_last(from.height, from.width, from.channels);
    call.packed = network_.steps_[s].packed.data();
    call.y = element(to, 0, 0, step.first);
    call.y_strides = cuda::channels_last(to.height, to.width, to.channels);
    call.workspace = workspace_;
    return call;
  }

  [[nodiscard]] cuda::ContextualAttentionCall attention(size_t s) const {
    const NetworkShape::Step& step = network_.shape_.steps()[s];
    const AttentionStep& attention = network_.steps_[s].attention;
    const cuda::NetworkMap from = map(step.from.front());
    cuda::ContextualAttentionCall call;
    call.height = from.height;
    call.width = from.width;
    call.channels = from.channels;
    call.precision = network_.precision_;
    call.n_down = attention.n_down;
    call.fuse = attention.fuse;
    call.tf_compat = attention.tf_compat;
    call.f = call.b = from.data;
    call.y = data(step.to);
    call.f_strides = call.b_strides = call.y_strides =
        cuda::channels_last(from.height, from.width, from.channels);
    call.mask_bytes = mask_;
    call.wanted = wanted_;
    call.workspace = workspace_;
    call.workspace_bytes = workspace_bytes_;
    return call;
  }

  void attend(size_t s) {
    const NetworkShape::Step& step = network_.shape_.steps()[s];
    const Region& out = plan_.regions[static_cast<size_t>(step.to)];
    const cuda::NetworkMap from = map(step.from.front());
    // A softmax would turn what overflowed into innocent numbers: as everywhere in a network, NaN stays NaN.
    check(kernels_.find_overflow({from, {0, 0, from.height, from.width}, bad_}, stream()),
          "looking for overflow");
    check(kernels_.network_mask({map(step.from[1]), mask_}, stream()), "attention's mask");
    // Queries are 2 x 2 pixels.
    check(kernels_.mark_wanted({wanted_,
                                (from.height + 1) / 2,
                                (from.width + 1) / 2,
                                {out.y0 / 2, out.x0 / 2, (out.y1 + 1) / 2, (out.x1 + 1) / 2}},
                               stream()),
          "attention's queries");
    check(kernels_.contextual_attention(attention(s), stream()), "attention");
    check(kernels_.spread_overflow({map(step.to), region(step.to), bad_}, stream()), "spreading overflow");
  }

  // Of the step that needs most.
  [[nodiscard]] size_t workspace() const {
    size_t bytes = 0;
    for (size_t s = 0; s < network_.steps_.size(); ++s) {
      const NetworkShape::Step& step = network_.shape_.steps()[s];
      if (plan_.regions[static_cast<size_t>(step.to)].empty()) continue;
      if (step.convolution) bytes = std::max(bytes, kernels_.gated_conv2d_workspace(convolution(s)));
      if (network_.steps_[s].kind == Kind::kAttention)
        bytes = std::max(bytes, kernels_.contextual_attention_workspace(attention(s)));
    }
    return bytes;
  }

  const DeviceDeepFill& network_;
  const cuda::Kernels& kernels_;
  const NetworkShape::Plan plan_;
  const Place* place_ = nullptr;
  std::byte* maps_ = nullptr;
  uint8_t *mask_ = nullptr, *wanted_ = nullptr;
  int32_t* bad_ = nullptr;
  void* workspace_ = nullptr;
  size_t workspace_bytes_ = 0;
};

DeviceDeepFill::DeviceDeepFill(const Device& device, const DeepFillVariant& variant,
                               const WeightLookup& weights, cuda::Precision precision)
    : device_(device), precision_(precision), weight_memory_(device.allocator()) {
  const device::Stream stream(device);
  const Place place{device, stream, weight_memory_};
  Builder builder(*this, place);
  // The kernels choose what is kept in float32: sums always are.
  maps_ = build_deepfill_steps(builder, variant, weights, kernels::Precision::kFloat32);
}

NetworkShape::Plan DeviceDeepFill::plan(int32_t height, int32_t width, const Region& wanted,
                                        const Region& hole) const {
  return shape_.plan(padded(height), padded(width), {maps_.input},
                     {{maps_.coarse, wanted}, {maps_.refined, wanted}}, with_reflection(hole, height, width));
}

size_t DeviceDeepFill::scratch(int32_t height, int32_t width) const {
  const Region all{0, 0, height, width};
  Arena arena = Arena::measuring();
  const Run run(*this, device_.kernels(), plan(height, width, all, all), arena);
  return arena.peak();
}

void DeviceDeepFill::run(const DeviceDeepFillCall& call, const Place& place, Arena& arena,
                         const std::function<void(double)>& progress) const {
  if (call.wanted.empty()) return;
  const ArenaScope scope(arena);
  Run run(*this, device_.kernels(), plan(call.picture.height, call.picture.width, call.wanted, call.hole),
          arena);
  if (place.graphs == nullptr) {
    run.run(call, place, progress);
    return;
  }
  place.graphs->run(run.key(call), place.stream, [&] { run.run(call, place, progress); });
  progress(1);
}

}  // namespace infill::inference
