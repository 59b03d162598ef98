// The shape of a hole: wider, or with a soft edge. Distances are Euclidean, between pixel centres, and exact.
#pragma once

#include <cstdint>
#include <span>

namespace cli {

// width x height bytes, 0 or 255. Every pixel that lies at most `radius` away from a hole becomes one.
void grow_mask(std::span<uint8_t> mask, int width, int height, int radius);

// A hole pixel at distance d from the nearest kept pixel becomes 255 * min(1, d / (width_of_edge + 1)): the
// edge fades, and lies inside the hole. The picture's border is no edge.
void feather_mask(std::span<uint8_t> mask, int width, int height, int width_of_edge);

}  // namespace cli
