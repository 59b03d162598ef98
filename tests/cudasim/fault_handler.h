// Says what a crash was about: device memory touched by the host, memory behind an allocation, a full stack.
#pragma once

namespace infill::cudasim {

// For SIGSEGV, once. AddressSanitizer has its own.
void install_fault_handler();

}  // namespace infill::cudasim
