// Gated convolutions of DeepFill v2's shapes at width 48: time and rate of the published multiplications.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/convolution.h"

namespace infill::kernels {
namespace {

struct Shape {
  const char* name;
  ConvolutionSpec spec;
  int32_t size;  // of the input, squared
};

ConvolutionSpec gated(int32_t in, int32_t out, int32_t dilation = 1, int32_t upsample = 1) {
  return {.in_channels = in,
          .out_channels = out,
          .dilation = dilation,
          .pad_top = dilation,
          .pad_left = dilation,
          .upsample = upsample};
}
ConvolutionSpec direct(int32_t in, int32_t out, int32_t kernel, int32_t stride) {
  return {.in_channels = in,
          .out_channels = out,
          .kernel = kernel,
          .stride = stride,
          .pad_top = kernel / 2,
          .pad_left = kernel / 2};
}

const Shape kShapes[] = {
    {"bottleneck", gated(96, 96), 128},
    {"dilated16", gated(96, 96, 16), 128},
    {"merge", gated(192, 96), 128},
    {"middle", gated(48, 48), 256},
    {"up1", gated(96, 48, 1, 2), 128},
    {"up2", gated(48, 24, 1, 2), 256},
    {"last", gated(24, 12), 512},
    {"first5x5", direct(5, 24, 5, 1), 512},
    {"rgb", {.in_channels = 12, .out_channels = 3, .gated = false, .activation = Activation::kTanh}, 512},
    {"down1", direct(24, 48, 3, 2), 512},
    {"down2", direct(48, 96, 3, 2), 256},
};

void run(benchmark::State& state, const Shape& shape, Precision precision) {
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> value(-0.1F, 0.1F);
  const auto fill = [&](size_t count) {
    std::vector<float> all(count);
    for (float& each : all) each = value(engine);
    return all;
  };
  ConvolutionSpec s = shape.spec;
  s.precision = precision;
  const int32_t size = shape.size * s.upsample / s.stride;
  const auto taps = static_cast<size_t>(s.in_channels * s.kernel * s.kernel);
  const auto weight = fill(2 * static_cast<size_t>(s.out_channels) * taps);
  const auto bias = fill(2 * static_cast<size_t>(s.out_channels));
  const auto in = fill(static_cast<size_t>(shape.size) * static_cast<size_t>(shape.size * s.in_channels));
  std::vector<float> out(static_cast<size_t>(size) * static_cast<size_t>(size * s.out_channels));
  const Convolution convolution(s, weight.data(), bias.data());
  std::unique_ptr<float, void (*)(void*)> scratch(
      static_cast<float*>(std::aligned_alloc(64, (convolution.scratch() * 4 + 63) / 64 * 64)), std::free);
  const Region region{0, 0, size, size};
  const ConstMap from{in.data(), shape.size, shape.size, s.in_channels, s.in_channels};
  const Map to{out.data(), size, size, s.out_channels, s.out_channels};
  for (auto _ : state) {
    for (int64_t job = 0; job < convolution.jobs(region); ++job)
      convolution.run(from, {0, 0, shape.size, shape.size}, to, region, job, scratch.get());
    benchmark::DoNotOptimize(out.data());
  }
  const double operations = 4.0 * s.out_channels * static_cast<double>(taps) * size * size;
  state.counters["GFLOP/s"] =
      benchmark::Counter(operations * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
}

const int registered = [] {
  for (const Shape& shape : kShapes) {
    for (const bool halves : {false, true}) {
      const std::string name = std::string(shape.name) + (halves ? "/bfloat16" : "/float32");
      benchmark::RegisterBenchmark(name.c_str(), [&shape, halves](benchmark::State& state) {
        run(state, shape, halves ? Precision::kBfloat16 : Precision::kFloat32);
      })->Unit(benchmark::kMillisecond);
    }
  }
  return 0;
}();

}  // namespace
}  // namespace infill::kernels
