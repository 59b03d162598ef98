// Random numbers that depend on a counter only: the same for any number of threads.
#pragma once

#include <cstdint>

namespace infill {

// Uniform 64-bit numbers from a counter (Steele, Lea, Flood: SplitMix, OOPSLA 2014).
constexpr uint64_t mix_bits(uint64_t z) {
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

}  // namespace infill
