// Fills by a network: canvas -> network -> canvas.
//
// The network sees colours of 0..1 as sRGB encodes them, premultiplied; values beyond are clamped for it, and
// grey stands in all three channels. Alpha is continued harmonically. A hole thicker than "neural.size" is
// filled at a smaller scale, a whole fraction of the picture's, and the result is enlarged: it keeps the
// structure and lacks the finest detail.
#pragma once

#include <cstdint>
#include <span>

#include "classic/method.h"
#include "core/canvas.h"
#include "core/image.h"
#include "inference/deepfill.h"

namespace infill::pipeline {

// As methods describe themselves; it has no scratch() and no fill(), which need a model.
extern const classic::Method kNeural;
enum NeuralParameter : size_t { kNeuralSize, kNeuralContext };

// Throws kUnsupported for pictures that no network takes: two channels of anything.
void check_neural(const Image& src);

// By how much a hole of so many pixels and such a bounding box is reduced: 1, 2, 3, ...
[[nodiscard]] int32_t neural_scale(const Settings& settings, const Rect& bounds, int64_t hole_pixels);

[[nodiscard]] size_t neural_scratch(const inference::DeepFill& model, int32_t scale,
                                    const CanvasShape& shape);
// Writes what a method's fill() writes, the rim included. Throws kUnsupported when the network's numbers
// overflow.
void neural_fill(const inference::DeepFill& model, int32_t scale, Canvas& canvas, classic::Work& work);

// A picture through the network as it is: no crop, no smaller scale, no blending. The arena has
// model.scratch() bytes.
void run_network(const inference::DeepFill& model, const inference::DeepFillCall& call, Arena& arena,
                 Threads& threads, Task& task);

}  // namespace infill::pipeline
