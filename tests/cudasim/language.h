// The CUDA language for host compilers: what cuda/language.h gives under INFILL_CUDASIM.
#pragma once

#include "cudasim/language/keywords.h"
// The order matters: keywords replaces some of the toolkit's macros.
#include "cudasim/language/atomics.h"
#include "cudasim/language/kernel.h"
#include "cudasim/language/math.h"
#include "cudasim/language/ptx.h"
#include "cudasim/language/warp_functions.h"

// Kernels choose their body by it. Last, because the toolkit's headers would turn to inline assembly.
#ifndef __CUDA_ARCH__
#define __CUDA_ARCH__ 800
#endif
