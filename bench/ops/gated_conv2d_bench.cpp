// gated_conv2d against the published form in LibTorch's own operators, in the same run: layers of DeepFill v2
// (width 48) at a 512x512 input, as they come (contiguous) and with channels last.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <benchmark/benchmark.h>

#include <string>

#include "infill/ops/gated_conv2d.h"

namespace {

struct Layer {
  const char* name;
  int64_t c_in;
  int64_t c_out;
  int64_t size;
  int64_t kernel;
  int64_t stride;
  int64_t dilation;
};

constexpr Layer kLayers[] = {
    {"5x5_5_24_512", 5, 24, 512, 5, 1, 1},     {"3x3s2_24_48_512", 24, 48, 512, 3, 2, 1},
    {"3x3_48_48_256", 48, 48, 256, 3, 1, 1},   {"3x3s2_48_96_256", 48, 96, 256, 3, 2, 1},
    {"3x3_96_96_128", 96, 96, 128, 3, 1, 1},   {"3x3d4_96_96_128", 96, 96, 128, 3, 1, 4},
    {"3x3_192_96_128", 192, 96, 128, 3, 1, 1}, {"3x3_96_48_256", 96, 48, 256, 3, 1, 1},
    {"3x3_48_24_512", 48, 24, 512, 3, 1, 1},   {"3x3_24_12_512", 24, 12, 512, 3, 1, 1},
};

struct Tensors {
  at::Tensor x;
  at::Tensor weight;
  at::Tensor bias;
};

Tensors tensors(const Layer& layer, at::ScalarType type, at::MemoryFormat format) {
  at::manual_seed(1);
  return {at::randn({1, layer.c_in, layer.size, layer.size}).to(type).contiguous(format),
          at::randn({2 * layer.c_out, layer.c_in, layer.kernel, layer.kernel}).mul(0.05).to(type),
          at::randn({2 * layer.c_out}).to(type)};
}

int64_t border(const Layer& layer) {
  return layer.dilation * (layer.kernel - 1) / 2;
}

void ours(benchmark::State& state, const Layer& layer, at::ScalarType type, at::MemoryFormat format) {
  const auto [x, weight, bias] = tensors(layer, type, format);
  const int64_t p = border(layer);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(infill::gated_conv2d(x, weight, bias, {layer.stride, layer.stride}, {p, p, p, p},
                                                  {layer.dilation, layer.dilation}, "elu"));
  }
}

void published(benchmark::State& state, const Layer& layer, at::ScalarType type, at::MemoryFormat format) {
  const auto [x, weight, bias] = tensors(layer, type, format);
  for ([[maybe_unused]] auto _ : state) {
    const auto halves = at::conv2d(x, weight, bias, layer.stride, border(layer), layer.dilation).chunk(2, 1);
    benchmark::DoNotOptimize(at::elu(halves[0]) * at::sigmoid(halves[1]));
  }
}

void convolution_alone(benchmark::State& state, const Layer& layer, at::ScalarType type,
                       at::MemoryFormat format) {
  const auto [x, weight, bias] = tensors(layer, type, format);
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(at::conv2d(x, weight, bias, layer.stride, border(layer), layer.dilation));
  }
}

using Run = void (*)(benchmark::State&, const Layer&, at::ScalarType, at::MemoryFormat);
constexpr std::pair<const char*, Run> kRuns[] = {
    {"infill", ours}, {"published", published}, {"convolution", convolution_alone}};

}  // namespace

int main(int argc, char** argv) {
  for (const Layer& layer : kLayers) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        for (const auto& [name, run] : kRuns) {
          const std::string full = std::string(layer.name) + (type == at::kFloat ? "/f32" : "/bf16") +
                                   (format == at::MemoryFormat::ChannelsLast ? "/last/" : "/contiguous/") +
                                   name;
          benchmark::RegisterBenchmark(full.c_str(), run, layer, type, format)
              ->Unit(benchmark::kMillisecond)
              ->UseRealTime();
        }
      }
    }
  }
  benchmark::Initialize(&argc, argv);
  const at::NoGradGuard inference;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
