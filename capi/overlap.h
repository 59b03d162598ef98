// Whether two views share memory: dst may be src, or nobody's.
#pragma once

#include "core/image.h"

namespace infill::capi {

// Both are resolved and have data.

// One picture seen twice.
[[nodiscard]] bool same_view(const Image& a, const Image& b);

// With equal row strides (up to their sign) this is decided pixel by pixel, so that two cells of an atlas or
// the colours and the alpha of one picture are apart; otherwise by address range, which may say yes too
// often.
[[nodiscard]] bool share_bytes(const Image& a, const Image& b);

}  // namespace infill::capi
