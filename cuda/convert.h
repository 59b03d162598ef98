// Between the caller's pixels and a canvas, on the device: src/core/pixels.h says what becomes of a value,
// and the results have the same bytes.
//
// Launchers return cudaErrorInvalidValue for a call whose parts do not fit each other, before they launch
// anything, and otherwise the error of the launch. Work on no pixels is no error. They allocate nothing and
// wait for nothing; results do not depend on timing.
#pragma once

#include "cuda/picture.h"

namespace infill::cuda {

constexpr unsigned long long kNoBadPixel = ~0ULL;

// Loads the canvas's rectangle of src, which lies in it. canvas.channels and has_alpha are those that fit
// src.
//   label: pixels that are not kKnown become 0; null: all are loaded.
//   where: a plane with the canvas's stride; only its pixels that are not 0 are loaded, whatever their label,
//          and the others left alone. Null: all.
//   bad:   null, or *bad becomes the least index (y * channels + c) * width + x, in the canvas, of a value
//   that
//          counts and is NaN, infinite or beyond 1e18, or kNoBadPixel. With a mask, a pixel counts that is
//          kKnown with mask 0, or kHole with a mask below 1; with mask.data null every one counts. Formats of
//          whole numbers have none.
struct LoadCall {
  Picture src, mask;  // of one size; no mask: mask.data is null
  Canvas canvas;
  const uint8_t* where = nullptr;
  unsigned long long* bad = nullptr;
};
cudaError_t load_canvas(const LoadCall& call, cudaStream_t stream);

// Writes src + m * (fill - src) to dst, as src/core/pixels.h says, at the canvas's pixels whose `where` is
// not 0 (null: all) and whose mask m is above 0. No other byte of dst is touched; but alpha to ignore is
// src's at all pixels of `where` when dst is not src. src, mask and dst have one size; src and dst have one
// format and are the same view or share no byte. canvas.label is not read.
struct StoreCall {
  Picture src, mask, dst;
  Canvas canvas;
  const uint8_t* where = nullptr;
};
cudaError_t store_canvas(const StoreCall& call, cudaStream_t stream);

// Copies the pixels of rect, all channels, bit for bit. src and dst have one format and size and share no
// byte.
struct CopyCall {
  Picture src, dst;
  Rect rect;
};
cudaError_t copy_pixels(const CopyCall& call, cudaStream_t stream);

}  // namespace infill::cuda
