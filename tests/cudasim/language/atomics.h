// Atomic functions. Threads of the emulation are never interrupted, so a plain read and write is atomic.
#pragma once

#include "cudasim/checker.h"
#include "cudasim/language/keywords.h"

namespace infill::cudasim {

template <class T>
struct Exactly {
  using type = T;
};
// Takes part in no deduction: atomicAdd(&counter, 1).
template <class T>
using ExactlyT = typename Exactly<T>::type;

// The old value; the checker knows of the access.
template <class T, class Change>
INFILL_CUDASIM_UNCHECKED T change_atomically(T* address, const void* pc, Change change) {
  check_access(address, sizeof(T), Access::kAtomic, pc);
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace infill::cudasim

// Out of line, so that the return address is the place in the kernel.
#define INFILL_CUDASIM_ATOMIC(name, expression)                                          \
  template <class T>                                                                     \
  __attribute__((noinline)) T name(T* address, infill::cudasim::ExactlyT<T> value) {     \
    return infill::cudasim::change_atomically(                                           \
        address, __builtin_return_address(0),                                            \
        [value](T old) INFILL_CUDASIM_UNCHECKED { return static_cast<T>(expression); }); \
  }
INFILL_CUDASIM_ATOMIC(atomicAdd, old + value)
INFILL_CUDASIM_ATOMIC(atomicSub, old - value)
INFILL_CUDASIM_ATOMIC(atomicExch, (static_cast<void>(old), value))
INFILL_CUDASIM_ATOMIC(atomicMin, value < old ? value : old)
INFILL_CUDASIM_ATOMIC(atomicMax, value < old ? old : value)
INFILL_CUDASIM_ATOMIC(atomicAnd, old& value)
INFILL_CUDASIM_ATOMIC(atomicOr, old | value)
INFILL_CUDASIM_ATOMIC(atomicXor, old ^ value)
INFILL_CUDASIM_ATOMIC(atomicInc, old >= value ? 0 : old + 1)
INFILL_CUDASIM_ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1)
#undef INFILL_CUDASIM_ATOMIC

template <class T>
__attribute__((noinline)) T atomicCAS(T* address, infill::cudasim::ExactlyT<T> compare,
                                      infill::cudasim::ExactlyT<T> value) {
  return infill::cudasim::change_atomically(
      address, __builtin_return_address(0),
      [compare, value](T old) INFILL_CUDASIM_UNCHECKED { return old == compare ? value : old; });
}
