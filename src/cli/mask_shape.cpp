#include "mask_shape.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace cli {
namespace {

struct Box {
  int x0, y0, x1, y1;  // x1 and y1 lie outside
  [[nodiscard]] int width() const { return x1 - x0; }
  [[nodiscard]] int height() const { return y1 - y0; }
};

// What a change of up to `margin` pixels around the holes can touch; no area without a hole.
Box holes_and_margin(std::span<const uint8_t> mask, int width, int height, int margin) {
  Box box{width, height, 0, 0};
  for (int y = 0; y < height; ++y) {
    const auto row =
        mask.subspan(static_cast<size_t>(y) * static_cast<size_t>(width), static_cast<size_t>(width));
    const auto first = std::find_if(row.begin(), row.end(), [](uint8_t m) { return m != 0; });
    if (first == row.end()) continue;
    const auto last = std::find_if(row.rbegin(), row.rend(), [](uint8_t m) { return m != 0; });
    box.x0 = std::min(box.x0, static_cast<int>(first - row.begin()));
    box.x1 = std::max(box.x1, static_cast<int>(row.rend() - last));
    box.y0 = std::min(box.y0, y);
    box.y1 = y + 1;
  }
  if (box.x1 == 0) return {0, 0, 0, 0};
  return {std::max(0, box.x0 - margin), std::max(0, box.y0 - margin), std::min(width, box.x1 + margin),
          std::min(height, box.y1 + margin)};
}

// For every pixel of the box the vertical distance, up to `limit`, to the nearest one in its column that is a
// hole (holes) or is kept (!holes). The picture ends at the box's border.
std::vector<uint16_t> column_distances(std::span<const uint8_t> mask, int width, const Box& box, bool holes,
                                       int limit) {
  const auto columns = static_cast<size_t>(box.width());
  const auto rows = static_cast<size_t>(box.height());
  std::vector<uint16_t> distance(columns * rows);
  const auto far = static_cast<uint16_t>(limit);
  const auto nearer = [&](size_t y, size_t neighbour, bool first) {
    const uint8_t* m =
        &mask[(static_cast<size_t>(box.y0) + y) * static_cast<size_t>(width) + static_cast<size_t>(box.x0)];
    for (size_t x = 0; x < columns; ++x) {
      uint16_t& at = distance[y * columns + x];
      const uint16_t own = (m[x] != 0) == holes ? uint16_t{0} : far;
      const uint16_t before = first ? own : at;
      const uint16_t beside = neighbour < rows ? distance[neighbour * columns + x] : far;
      at = std::min({own, before, static_cast<uint16_t>(std::min<int>(beside + 1, limit))});
    }
  };
  for (size_t y = 0; y < rows; ++y) nearer(y, y == 0 ? rows : y - 1, true);
  for (size_t y = rows; y-- > 0;) nearer(y, y + 1, false);
  return distance;
}

}  // namespace

void grow_mask(std::span<uint8_t> mask, int width, int height, int radius) {
  if (radius == 0) return;
  const Box box = holes_and_margin(mask, width, height, radius);
  const auto distance = column_distances(mask, width, box, true, radius + 1);

  // A hole `v` rows away covers this row as far as the disc is wide there.
  std::vector<int> reach(static_cast<size_t>(radius) + 1);
  for (int v = 0; v <= radius; ++v) {
    const int64_t square = int64_t{radius} * radius - int64_t{v} * v;
    auto half = static_cast<int>(std::sqrt(static_cast<double>(square)));
    while (int64_t{half} * half > square) --half;
    while (int64_t{half + 1} * (half + 1) <= square) ++half;
    reach[static_cast<size_t>(v)] = half;
  }

  const int columns = box.width();
  std::vector<int> change(static_cast<size_t>(columns) + 1);  // in how many discs, as differences
  for (int y = 0; y < box.height(); ++y) {
    std::fill(change.begin(), change.end(), 0);
    for (int x = 0; x < columns; ++x) {
      const int v = distance[static_cast<size_t>(y) * static_cast<size_t>(columns) + static_cast<size_t>(x)];
      if (v > radius) continue;
      const int half = reach[static_cast<size_t>(v)];
      ++change[static_cast<size_t>(std::max(0, x - half))];
      --change[static_cast<size_t>(std::min(columns, x + half + 1))];
    }
    uint8_t* row =
        &mask[static_cast<size_t>(box.y0 + y) * static_cast<size_t>(width) + static_cast<size_t>(box.x0)];
    int discs = 0;
    for (int x = 0; x < columns; ++x) {
      discs += change[static_cast<size_t>(x)];
      if (discs > 0) row[x] = 255;
    }
  }
}

void feather_mask(std::span<uint8_t> mask, int width, int height, int width_of_edge) {
  if (width_of_edge == 0) return;
  const int limit = width_of_edge + 1;  // from here on the fill shows fully
  const Box box = holes_and_margin(mask, width, height, 1);
  const auto distance = column_distances(mask, width, box, false, limit);
  const int columns = box.width();
  for (int y = 0; y < box.height(); ++y) {
    const uint16_t* vertical = &distance[static_cast<size_t>(y) * static_cast<size_t>(columns)];
    uint8_t* row =
        &mask[static_cast<size_t>(box.y0 + y) * static_cast<size_t>(width) + static_cast<size_t>(box.x0)];
    for (int x = 0; x < columns; ++x) {
      if (row[x] == 0) continue;
      int nearest = vertical[x] * vertical[x];
      for (int d = 1; d * d < nearest; ++d) {
        if (x - d >= 0) nearest = std::min(nearest, d * d + vertical[x - d] * vertical[x - d]);
        if (x + d < columns) nearest = std::min(nearest, d * d + vertical[x + d] * vertical[x + d]);
      }
      const double share = std::min(1.0, std::sqrt(static_cast<double>(nearest)) / limit);
      row[x] = static_cast<uint8_t>(std::max(1.0, std::round(255 * share)));
    }
  }
}

}  // namespace cli
