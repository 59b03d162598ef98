// Distances in a mask plane, and what is made from them: growing, shrinking, soft edges.
//
// A mask plane holds 0 (keep) or anything else (hole). Distances are Euclidean, between the centres of
// pixels; nothing lies beyond the plane. All loops are shared out to threads and poll; the result does not
// depend on their number. Scratch is taken from the arena and given back.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/canvas.h"
#include "core/memory.h"
#include "core/task.h"
#include "core/threads.h"

namespace infill {

// Stands for any squared distance that an int32_t cannot hold, and for "there is none".
constexpr int32_t kFarAway = INT32_MAX;

enum class Target { kHoles, kKept };

// The squared distance of each pixel to the nearest target, 0 on a target: exact integers, in time linear in
// the number of pixels (Meijster, Roerdink, Hesselink 2000). squared has the mask's size.
void squared_distance(const Plane<const uint8_t>& mask, Target target, const Plane<int32_t>& squared,
                      Arena& arena, Threads& threads, Task& task);

// Most bytes of arena that squared_distance takes.
[[nodiscard]] size_t distance_scratch(int32_t width, int32_t threads);

// Makes every pixel up to radius from a hole a hole (1), too.
void dilate(const Plane<uint8_t>& mask, double radius, Arena& arena, Threads& threads, Task& task);

// Keeps (0) every pixel up to radius from a kept one. The border of the plane keeps nothing.
void erode(const Plane<uint8_t>& mask, double radius, Arena& arena, Threads& threads, Task& task);

// A soft edge inside the holes: soft is 0 where the mask is, else min(1, d / (width + 1)) for the distance d
// to the nearest kept pixel. So the edge is about `width` pixels wide, all of them of the hole, and width 0
// gives 0 and 1.
void feather(const Plane<const uint8_t>& mask, double width, const Plane<float>& soft, Arena& arena,
             Threads& threads, Task& task);

// Most bytes of arena that dilate, erode and feather take.
[[nodiscard]] size_t morphology_scratch(int32_t width, int32_t height, int32_t threads);

}  // namespace infill
