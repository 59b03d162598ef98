// The channels of one pixel as one 16-byte vector: four floats or two doubles.
//
// Solvers that gather scattered pixels compute all lanes at once; the instructions are those of the baseline,
// so that the bytes do not depend on the machine.
#pragma once

#include <cstdint>

namespace infill::classic {

template <class T>
struct LanesOf {
  static constexpr int kCount = 16 / sizeof(T);
  typedef T Vector __attribute__((vector_size(16)));  // NOLINT(modernize-use-using): dependent attribute
};

template <class T>
using Lanes = typename LanesOf<T>::Vector;

using Float4 = Lanes<float>;

}  // namespace infill::classic
