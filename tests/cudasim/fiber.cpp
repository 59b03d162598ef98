#include "cudasim/fiber.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "cudasim/asan.h"

#ifndef __x86_64__
#error "cudasim switches stacks with x86-64 assembly"
#endif

// void infill_cudasim_switch(void** saved, void* next): registers that a call preserves go to the old stack.
extern "C" void infill_cudasim_switch(void** saved, void* next);
asm(R"(
.text
.globl infill_cudasim_switch
.hidden infill_cudasim_switch
.type infill_cudasim_switch, @function
infill_cudasim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size infill_cudasim_switch, .-infill_cudasim_switch
)");

namespace infill::cudasim {
namespace {

constexpr int kSavedRegisters = 6;
constexpr size_t kGuardBytes = 4096;

}  // namespace

Fiber::~Fiber() {
  if (owns_stack_) munmap(stack_, stack_bytes_);
}

void Fiber::start(void (*entry)()) {
  if (!owns_stack_) {
    void* memory = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    stack_ = static_cast<char*>(memory);
    stack_bytes_ = kStackBytes;
    mprotect(stack_, kGuardBytes, PROT_NONE);  // a full stack is a fault, not somebody else's stack
    owns_stack_ = true;
  }
  allow_access(stack_ + kGuardBytes, stack_bytes_ - kGuardBytes);
  fake_stack_ = nullptr;
  // As if entry had been called: the return address above it keeps the stack aligned as the ABI wants it.
  auto* top = reinterpret_cast<void**>(stack_ + stack_bytes_ - 64);
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < kSavedRegisters; ++i) *--top = nullptr;
  saved_ = top;
}

void Fiber::adopt_host_stack() {
  pthread_attr_t attributes;
  void* stack = nullptr;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &stack, &stack_bytes_);
  pthread_attr_destroy(&attributes);
  stack_ = static_cast<char*>(stack);
}

void Fiber::arrived() {
#ifdef INFILL_CUDASIM_ASAN
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

void Fiber::switch_to(Fiber& from, Fiber& to, [[maybe_unused]] bool ends) {
#ifdef INFILL_CUDASIM_ASAN
  __sanitizer_start_switch_fiber(ends ? nullptr : &from.fake_stack_, to.stack_, to.stack_bytes_);
#endif
  infill_cudasim_switch(&from.saved_, to.saved_);
#ifdef INFILL_CUDASIM_ASAN
  __sanitizer_finish_switch_fiber(from.fake_stack_, nullptr, nullptr);
#endif
}

}  // namespace infill::cudasim
