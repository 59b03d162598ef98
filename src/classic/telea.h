// Telea's inpainting by fast marching: from the rim inwards, every pixel becomes a weighted mean of what is
// known around it by then.
//
// A. Telea, "An image inpainting technique based on the fast marching method", Journal of Graphics Tools
// 9(1), 2004. docs/classic.md has the formula and where this differs.
#pragma once

#include "classic/method.h"

namespace infill::classic {

enum TeleaParameter : size_t { kTeleaRadius, kTeleaGradient, kTeleaParameterCount };

extern const Method kTelea;

}  // namespace infill::classic
