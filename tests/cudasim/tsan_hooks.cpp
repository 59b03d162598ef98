// Kernels are compiled with -fsanitize=thread and linked without it: the calls that the compiler puts before
// loads and stores come here.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cudasim/checker.h"
#include "cudasim/options.h"
#include "cudasim/thread.h"

namespace {

using infill::cudasim::Access;

const bool kLinked = (infill::cudasim::enable_checking(), true);

inline void touch(const void* pointer, unsigned bytes, Access access, const void* pc) {
  if (infill::cudasim::current != nullptr) infill::cudasim::check_access(pointer, bytes, access, pc);
}

void touch_range(const void* pointer, size_t bytes, Access access, const void* pc) {
  if (infill::cudasim::current == nullptr) return;
  const char* next = static_cast<const char*>(pointer);
  const char* end = next + bytes;
  while (next != end && reinterpret_cast<uintptr_t>(next) % 4 != 0) touch(next++, 1, access, pc);
  for (; end - next >= 4; next += 4) touch(next, 4, access, pc);
  while (next != end) touch(next++, 1, access, pc);
}

}  // namespace

#define PC __builtin_return_address(0)

#define PLAIN_HOOKS(bytes)                               \
  void __tsan_read##bytes(void* p) {                     \
    touch(p, bytes, Access::kRead, PC);                  \
  }                                                      \
  void __tsan_write##bytes(void* p) {                    \
    touch(p, bytes, Access::kWrite, PC);                 \
  }                                                      \
  void __tsan_unaligned_read##bytes(void* p) {           \
    touch(p, bytes, Access::kRead, PC);                  \
  }                                                      \
  void __tsan_unaligned_write##bytes(void* p) {          \
    touch(p, bytes, Access::kWrite, PC);                 \
  }                                                      \
  void __tsan_volatile_read##bytes(void* p) {            \
    touch(p, bytes, Access::kRead, PC);                  \
  }                                                      \
  void __tsan_volatile_write##bytes(void* p) {           \
    touch(p, bytes, Access::kWrite, PC);                 \
  }                                                      \
  void __tsan_unaligned_volatile_read##bytes(void* p) {  \
    touch(p, bytes, Access::kRead, PC);                  \
  }                                                      \
  void __tsan_unaligned_volatile_write##bytes(void* p) { \
    touch(p, bytes, Access::kWrite, PC);                 \
  }                                                      \
  void __tsan_read_write##bytes(void* p) {               \
    touch(p, bytes, Access::kRead, PC);                  \
    touch(p, bytes, Access::kWrite, PC);                 \
  }                                                      \
  void __tsan_unaligned_read_write##bytes(void* p) {     \
    __tsan_read_write##bytes(p);                         \
  }

// Of host code in the same file: static initialisation, shared pointers.
#define ATOMIC_HOOKS(bits, type)                                                                   \
  type __tsan_atomic##bits##_load(const type* p, int) {                                            \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                   \
  }                                                                                                \
  void __tsan_atomic##bits##_store(type* p, type v, int) {                                         \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                      \
  }                                                                                                \
  type __tsan_atomic##bits##_exchange(type* p, type v, int) {                                      \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                            \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_add(type* p, type v, int) {                                     \
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_sub(type* p, type v, int) {                                     \
    return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_and(type* p, type v, int) {                                     \
    return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                             \
  }                                                                                                \
  type __tsan_atomic##bits##_fetch_or(type* p, type v, int) {                                      \
    return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                              \
  }                                                                                                \
  int __tsan_atomic##bits##_compare_exchange_strong(type* p, type* expected, type v, int, int) {   \
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}

PLAIN_HOOKS(1)
PLAIN_HOOKS(2)
PLAIN_HOOKS(4)
PLAIN_HOOKS(8)
PLAIN_HOOKS(16)

void __tsan_read_range(void* p, unsigned long bytes) {
  touch_range(p, bytes, Access::kRead, PC);
}
void __tsan_write_range(void* p, unsigned long bytes) {
  touch_range(p, bytes, Access::kWrite, PC);
}

void* __tsan_memcpy(void* to, const void* from, unsigned long bytes) {
  touch_range(from, bytes, Access::kRead, PC);
  touch_range(to, bytes, Access::kWrite, PC);
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, unsigned long bytes) {
  touch_range(from, bytes, Access::kRead, PC);
  touch_range(to, bytes, Access::kWrite, PC);
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, unsigned long bytes) {
  touch_range(to, bytes, Access::kWrite, PC);
  return std::memset(to, value, bytes);
}

ATOMIC_HOOKS(8, uint8_t)
ATOMIC_HOOKS(16, uint16_t)
ATOMIC_HOOKS(32, uint32_t)
ATOMIC_HOOKS(64, uint64_t)
void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"
