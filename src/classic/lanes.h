// The channels of one pixel as one vector: four lanes, of which a picture uses as many as it has channels.
//
// Solvers that gather scattered pixels compute all lanes at once; the instructions are those of the baseline,
// so that the bytes do not depend on the machine.
#pragma once

#include <cstring>

namespace infill::classic {

constexpr int kLanes = 4;
typedef float Float4 __attribute__((vector_size(16)));    // NOLINT(modernize-use-using): attribute
typedef double Double4 __attribute__((vector_size(32)));  // NOLINT(modernize-use-using)

inline void load(const double* from, Double4& value) {
  std::memcpy(&value, from, sizeof value);
}

inline void store(const Double4& value, double* to) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace infill::classic
