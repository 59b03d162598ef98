// DeepFill v2 at the published width with random weights: a whole picture, and one compact hole of 5 %.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "core/task.h"
#include "core/threads.h"
#include "inference/deepfill.h"
#include "inference/deepfill_layers.h"
#include "zoo/deepfill_keys.h"

namespace infill::inference {
namespace {

using kernels::Region;

// Scaled so that activations keep their range from layer to layer.
Weight random_weight(const zoo::Dims& shape, std::mt19937& engine) {
  Weight weight;
  weight.shape.assign(shape.values().begin(), shape.values().end());
  double inputs = 1;
  for (size_t i = 1; i < weight.shape.size(); ++i) inputs *= static_cast<double>(weight.shape[i]);
  const auto range = static_cast<float>(weight.shape.size() == 1 ? 0.1 : 2.5 / std::sqrt(inputs));
  std::uniform_real_distribution<float> value(-range, range);
  weight.values.resize(static_cast<size_t>(*zoo::element_count(shape)));
  for (float& each : weight.values) each = value(engine);
  return weight;
}

DeepFill random_network(kernels::Precision precision) {
  std::mt19937 engine(1);
  const std::vector<zoo::KeyShape> keys = zoo::deepfill_keys({});
  const auto lookup = [&](const std::string& key) {
    for (const zoo::KeyShape& entry : keys) {
      if (entry.key == key) return random_weight(entry.shape, engine);
    }
    return Weight{};
  };
  return {{}, lookup, precision};
}

const DeepFill& network(bool bfloat16) {
  static const DeepFill in_float32 = random_network(kernels::Precision::kFloat32);
  static const DeepFill in_bfloat16 = random_network(kernels::Precision::kBfloat16);
  return bfloat16 ? in_bfloat16 : in_float32;
}

// Of values of 0..1, in decibels.
double psnr(const std::vector<float>& values, const std::vector<float>& reference) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double difference = static_cast<double>(values[i]) - static_cast<double>(reference[i]);
    sum += difference * difference;
  }
  return -10 * std::log10(sum / static_cast<double>(values.size()));
}

void run(benchmark::State& state) {
  const auto size = static_cast<int32_t>(state.range(0));
  const auto threads = static_cast<int>(state.range(1));
  const bool compact = state.range(2) != 0;
  const bool bfloat16 = state.range(3) != 0;
  const auto area = static_cast<size_t>(size) * static_cast<size_t>(size);
  std::vector<float> values(3 * area);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>((i * 37 + i / 11) % 101) / 100;
  std::vector<uint8_t> unknown(area);
  std::vector<float> results(3 * area);
  // A square off the middle: 5 % of the picture, and only it is wanted; else a quarter, and all is.
  const auto side = static_cast<int32_t>(std::lround(std::sqrt(compact ? 0.05 : 0.25) * size));
  const Region hole{size / 3, size / 4, size / 3 + side, size / 4 + side};
  for (int32_t y = hole.y0; y < hole.y1; ++y)
    std::fill_n(unknown.begin() + static_cast<ptrdiff_t>(y) * size + hole.x0, side, uint8_t{1});
  const auto planes = [&](auto* data) {
    const Plane<std::remove_pointer_t<decltype(data)>> first{data, size, size, size};
    auto second = first;
    auto third = first;
    second.data += area;
    third.data += 2 * area;
    return std::array{first, second, third};
  };
  Threads workers(threads);
  Task task;
  kernels::ThreadsParallel parallel(workers, task);
  Memory memory;
  const Block block(memory,
                    network(false).scratch(size, size, threads) + network(true).scratch(size, size, threads));
  const DeepFillCall call{.height = size,
                          .width = size,
                          .image = planes(static_cast<const float*>(values.data())),
                          .unknown = {unknown.data(), size, size, size},
                          .wanted = compact ? hole : Region{0, 0, size, size},
                          .coarse = {},
                          .refined = planes(results.data())};
  const auto fill = [&](const DeepFill& model) {
    Arena arena(block.data(), block.size());
    model.run(call, arena, parallel, [](double) {});
  };
  const DeepFill& model = network(bfloat16);
  for (auto _ : state) {
    fill(model);
    benchmark::DoNotOptimize(results.data());
  }
  if (bfloat16) {
    const std::vector<float> rounded(results.begin(), results.end());
    fill(network(false));
    state.counters["dB"] = psnr(rounded, results);
  }
  state.counters["MB"] = static_cast<double>(model.scratch(size, size, threads)) * 1e-6;
  state.counters["weights_MB"] = static_cast<double>(model.weight_bytes()) * 1e-6;
}

BENCHMARK(run)
    ->ArgNames({"size", "threads", "compact", "bfloat16"})
    ->ArgsProduct({{256, 512}, {1, 2}, {0, 1}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
// Attention compares every place with every other: with 16 times the pixels 256 times the comparisons.
BENCHMARK(run)
    ->ArgNames({"size", "threads", "compact", "bfloat16"})
    ->ArgsProduct({{1024, 2048}, {2}, {0, 1}, {0, 1}})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace infill::inference
