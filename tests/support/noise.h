// Random pictures and numbers for tests, the same on every machine.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace infill::test {

// Uniform in [0, 1), by position.
inline double uniform(uint64_t seed, int x, int y, int channel = 0) {
  uint64_t v = seed * 0x9E3779B97F4A7C15U + static_cast<uint64_t>(x) * 0xD1B54A32D192ED03U +
               static_cast<uint64_t>(y) * 0xABC98388FB8FAC03U +
               static_cast<uint64_t>(channel) * 0x8CB92BA72F3D8DD7U;
  v = (v ^ (v >> 30U)) * 0xBF58476D1CE4E5B9U;
  v = (v ^ (v >> 27U)) * 0x94D049BB133111EBU;
  return static_cast<double>((v ^ (v >> 31U)) >> 11U) * 0x1p-53;
}

// Mean 0, deviation 1 (Box and Muller).
inline double gauss(uint64_t seed, int x, int y, int channel = 0) {
  const double u = 1.0 - uniform(seed, x, y, channel);
  const double v = uniform(seed + 77, x, y, channel);
  return std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v);
}

// Uniform in [-range, range).
inline std::vector<float> random_floats(size_t count, uint64_t seed, float range) {
  std::vector<float> all(count);
  for (size_t i = 0; i < count; ++i) {
    const auto x = static_cast<int>(i % 65536);
    const auto y = static_cast<int>(i / 65536);
    all[i] = range * static_cast<float>(2 * uniform(seed, x, y) - 1);
  }
  return all;
}

}  // namespace infill::test
