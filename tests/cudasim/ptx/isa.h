// Everything that translated kernels use.
#pragma once

#include "cudasim/ptx/isa/convert.h"
#include "cudasim/ptx/isa/memory.h"
#include "cudasim/ptx/isa/tensor.h"
#include "cudasim/ptx/isa/thread.h"
#include "cudasim/ptx/isa/warp.h"
#include "cudasim/ptx/kernel.h"
