// Contextual attention with 96 channels, against the published form: patches of 9 C and 16 C values, a matrix
// of L x L scores that is written, fused twice, put through the softmax and multiplied. Its products use the
// same micro kernel, so what differs is the form. Arguments: side of f (a picture's side / 4), features (0:
// attention picks few keys, 1: spreads over all), fuse, threads.
#include <benchmark/benchmark.h>

#include <cmath>
#include <vector>

#include "core/memory.h"
#include "kernels/contextual_attention.h"
#include "support/noise.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/contextual_attention_bench.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/contextual_attention_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace infill::kernels::HWY_NAMESPACE {
namespace {

// c[m, n] = a[m, k] b[k, n]; n is a multiple of 16. panel: k * 48 floats.
void multiply(const float* a, const float* b, float* c, int64_t m, int64_t n, int64_t k, float* panel) {
  constexpr int64_t kWidth = kTileVectors * kLanes;
  for (int64_t j = 0; j < n; j += kWidth) {
    const int64_t width = std::min(kWidth, n - j);
    for (int64_t l = 0; l < k; ++l) std::copy_n(b + l * n + j, width, panel + l * kWidth);
    const RowBlocks blocks(m);
    for (int64_t block = 0; block < blocks.count; ++block) {
      const int64_t i = blocks.begin(block);
      with_tile(static_cast<int>(blocks.begin(block + 1) - i), static_cast<int>(width / kLanes),
                PlainProduct{{a + i * k, k, panel, kWidth, k}, c + i * n + j, n});
    }
  }
}

}  // namespace
}  // namespace infill::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infill::kernels {
namespace {
HWY_EXPORT(multiply);

constexpr int32_t kChannels = 96;

std::vector<float> make_features(int32_t side, float amplitude) {
  std::vector<float> values(static_cast<size_t>(side) * static_cast<size_t>(side) * kChannels);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = amplitude * static_cast<float>(2 * test::uniform(1, static_cast<int>(i), 0) - 1);
  }
  return values;
}

std::vector<uint8_t> make_mask(int32_t side) {
  const int32_t size = side * 4;
  std::vector<uint8_t> mask(static_cast<size_t>(size) * static_cast<size_t>(size));
  for (int32_t r = size / 3; r < size / 2; ++r) {
    for (int32_t x = size / 3; x < 2 * size / 3; ++x) mask[static_cast<size_t>(r * size + x)] = 1;
  }
  return mask;
}

// The published form for an even side and no mask.
class Published {
 public:
  Published(const std::vector<float>& f, int32_t side, bool fuse, Parallel& parallel)
      : f_(f), side_(side), n_(side / 2), count_(int64_t{n_} * n_), fuse_(fuse), parallel_(parallel) {}

  void run(std::vector<float>& y) {
    const int64_t keys = 9 * kChannels;
    const int64_t pasted = 16 * kChannels;
    std::vector<float> patches(static_cast<size_t>(count_ * keys));
    std::vector<float> normalised(static_cast<size_t>(keys * count_));
    std::vector<float> raw(static_cast<size_t>(count_ * pasted));
    std::vector<float> scores(static_cast<size_t>(count_ * count_));
    for_rows([&](int64_t r) { gather(r, patches, normalised, raw); });
    product(patches, normalised, scores, count_, keys);
    if (fuse_) {
      std::vector<float> fused(scores.size());
      add_diagonals(scores, fused, [](int64_t i, int t) { return i + t; });
      add_diagonals(fused, scores, [this](int64_t i, int t) {
        const int64_t in_columns = i % n_ * n_ + i / n_ + t;
        return in_columns < 0 || in_columns >= count_ ? -1 : in_columns % n_ * n_ + in_columns / n_;
      });
    }
    for_rows([&](int64_t r) { softmax(r, scores); });
    std::vector<float> out(static_cast<size_t>(count_ * pasted));
    product(scores, raw, out, pasted, count_);
    std::fill(y.begin(), y.end(), 0.0F);
    fold(out, y);
  }

 private:
  void for_rows(FunctionRef<void(int64_t)> body) { parallel_.run(n_, body); }

  void gather(int64_t r, std::vector<float>& patches, std::vector<float>& normalised,
              std::vector<float>& raw) {
    for (int64_t x = 0; x < n_; ++x) {
      const int64_t at = r * n_ + x;
      float* patch = patches.data() + at * 9 * kChannels;
      float square = 0;
      for (int64_t i = 0; i < 9; ++i) copy(2 * (r + i / 3 - 1), 2 * (x + i % 3 - 1), patch + i * kChannels);
      for (int64_t i = 0; i < 9 * kChannels; ++i) square += patch[i] * patch[i];
      const float norm = std::max(std::sqrt(square), 1e-4F);
      for (int64_t i = 0; i < 9 * kChannels; ++i) {
        normalised[static_cast<size_t>(i * count_ + at)] = patch[i] / norm;
      }
      for (int64_t i = 0; i < 16; ++i) {
        copy(2 * r + i / 4 - 1, 2 * x + i % 4 - 1, raw.data() + (at * 16 + i) * kChannels);
      }
    }
  }

  void copy(int64_t row, int64_t column, float* out) const {
    if (row < 0 || row >= side_ || column < 0 || column >= side_) {
      std::fill_n(out, kChannels, 0.0F);
    } else {
      std::copy_n(f_.data() + (row * side_ + column) * kChannels, kChannels, out);
    }
  }

  void product(const std::vector<float>& a, const std::vector<float>& b, std::vector<float>& c, int64_t n,
               int64_t k) {
    constexpr int64_t kRows = 256;
    parallel_.run((count_ + kRows - 1) / kRows, [&](int64_t i) {
      const int64_t rows = std::min(kRows, count_ - i * kRows);
      std::vector<float> panel(static_cast<size_t>(k * 48));
      HWY_DYNAMIC_DISPATCH(multiply)
      (a.data() + i * kRows * k, b.data(), c.data() + i * kRows * n, rows, n, k, panel.data());
    });
  }

  template <class Shift>
  void add_diagonals(const std::vector<float>& in, std::vector<float>& out, const Shift& shift) {
    std::vector<int64_t> to(static_cast<size_t>(3 * count_));
    for (int64_t i = 0; i < count_; ++i) {
      for (int t = -1; t <= 1; ++t) {
        const int64_t other = shift(i, t);
        to[static_cast<size_t>((t + 1) * count_ + i)] = other < count_ ? other : -1;
      }
    }
    for_rows([&](int64_t r) {
      for (int64_t q = r * n_; q < (r + 1) * n_; ++q) {
        float* row = out.data() + q * count_;
        std::fill_n(row, count_, 0.0F);
        for (int64_t t = 0; t < 3; ++t) {
          const int64_t* target = to.data() + t * count_;
          if (target[q] < 0) continue;
          const float* from = in.data() + target[q] * count_;
          for (int64_t p = 0; p < count_; ++p) {
            if (target[p] >= 0) row[p] += from[target[p]];
          }
        }
      }
    });
  }

  void softmax(int64_t r, std::vector<float>& scores) const {
    for (int64_t q = r * n_; q < (r + 1) * n_; ++q) {
      float* row = scores.data() + q * count_;
      float most = row[0];
      for (int64_t p = 0; p < count_; ++p) most = std::max(most, row[p]);
      float sum = 0;
      for (int64_t p = 0; p < count_; ++p) sum += row[p] = std::exp(10 * (row[p] - most));
      for (int64_t p = 0; p < count_; ++p) row[p] /= sum;
    }
  }

  void fold(const std::vector<float>& out, std::vector<float>& y) const {
    for (int64_t at = 0; at < count_ * 16; ++at) {
      const int64_t q = at / 16;
      const int64_t row = 2 * (q / n_) + at % 16 / 4 - 1;
      const int64_t column = 2 * (q % n_) + at % 4 - 1;
      if (row < 0 || row >= side_ || column < 0 || column >= side_) continue;
      for (int64_t c = 0; c < kChannels; ++c) {
        y[static_cast<size_t>((row * side_ + column) * kChannels + c)] +=
            out[static_cast<size_t>(at * kChannels + c)] / 4;
      }
    }
  }

  const std::vector<float>& f_;
  const int32_t side_, n_;
  const int64_t count_;
  const bool fuse_;
  Parallel& parallel_;
};

float amplitude(const benchmark::State& state) {
  return state.range(1) == 0 ? 1.0F : 0.002F;
}

void published(benchmark::State& state) {
  const auto side = static_cast<int32_t>(state.range(0));
  const std::vector<float> f = make_features(side, amplitude(state));
  std::vector<float> y(f.size());
  Threads threads(static_cast<int>(state.range(3)));
  Task task;
  ThreadsParallel parallel(threads, task);
  Published form(f, side, state.range(2) != 0, parallel);
  for (auto step : state) form.run(y);
}

enum class Wanted { kAll, kAllMasked, kHole };

void tiled(benchmark::State& state, Wanted kind) {
  const auto side = static_cast<int32_t>(state.range(0));
  const std::vector<float> f = make_features(side, amplitude(state));
  const std::vector<uint8_t> mask = make_mask(side);
  std::vector<float> y(f.size());
  const int32_t n = side / 2;
  // A square that a tenth of the positions lie in: a hole of 5 % and what reaches it.
  std::vector<uint8_t> wanted(static_cast<size_t>(n) * static_cast<size_t>(n));
  for (int32_t i = 0; i < n * n; ++i) {
    const bool inside = i / n >= n / 3 && i / n < n / 3 + n / 3 && i % n >= n / 3 && i % n < n / 3 + n / 3;
    wanted[static_cast<size_t>(i)] = inside ? 1 : 0;
  }
  const ContextualAttention op{
      .height = side, .width = side, .channels = kChannels, .fuse = state.range(2) != 0};
  Threads threads(static_cast<int>(state.range(3)));
  Memory memory;
  const Block workspace(memory, contextual_attention_workspace(op, threads.count()));
  for (auto step : state) {
    Task task;
    ThreadsParallel parallel(threads, task);
    contextual_attention(op,
                         {.f = f.data(),
                          .b = f.data(),
                          .mask = {.bytes = kind == Wanted::kAll ? nullptr : mask.data()},
                          .wanted = kind == Wanted::kHole ? wanted.data() : nullptr,
                          .y = y.data()},
                         {workspace.data(), workspace.size()}, parallel);
  }
  state.counters["workspace_MB"] = static_cast<double>(workspace.size()) / 1e6;
}

void arguments(benchmark::internal::Benchmark* bench) {
  bench->ArgsProduct({{32, 64, 128}, {0, 1}, {0, 1}, {2}})->UseRealTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK_CAPTURE(tiled, all, Wanted::kAll)->Apply(arguments);
BENCHMARK_CAPTURE(tiled, all_masked, Wanted::kAllMasked)->Apply(arguments);
BENCHMARK_CAPTURE(tiled, hole, Wanted::kHole)->Apply(arguments);
BENCHMARK_CAPTURE(tiled, all, Wanted::kAll)
    ->ArgsProduct({{128}, {0, 1}, {0, 1}, {1}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(tiled, all, Wanted::kAll)
    ->ArgsProduct({{256, 512}, {0, 1}, {1}, {2}})
    ->UseRealTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
BENCHMARK(published)->Apply(arguments);

}  // namespace
}  // namespace infill::kernels
#endif
