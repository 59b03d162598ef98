// Fast marching as a loop that looks for the earliest pixel again and again: slow, to be compared with.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/canvas.h"

namespace infill::test {

class ReferenceMarch {
 public:
  ReferenceMarch(const Canvas& canvas, int reach) : canvas_(canvas), reach_(reach) {
    times_.assign(static_cast<size_t>(canvas.width) * static_cast<size_t>(canvas.height), kNever);
    std::vector<char> final(times_.size());
    for (int y = 0; y < canvas.height; ++y) {
      for (int x = 0; x < canvas.width; ++x) {
        if (canvas.label.at(x, y) != kKnown) continue;
        at(x, y) = before(x, y);
        final[index(x, y)] = 1;
      }
    }
    for (int y = 0; y < canvas.height; ++y) {
      for (int x = 0; x < canvas.width; ++x) {
        if (canvas.label.at(x, y) == kHole) at(x, y) = arrival(x, y, final);
      }
    }
    for (;;) {
      Point best{-1, -1};
      float earliest = kNever;
      for (int y = 0; y < canvas.height; ++y) {
        for (int x = 0; x < canvas.width; ++x) {
          if (final[index(x, y)] != 0 || at(x, y) >= earliest) continue;
          earliest = at(x, y);
          best = {x, y};
        }
      }
      if (best.x < 0) break;
      final[index(best.x, best.y)] = 1;
      order_.push_back(best);
      for (const Point step : {Point{-1, 0}, Point{1, 0}, Point{0, -1}, Point{0, 1}}) {
        const Point n{best.x + step.x, best.y + step.y};
        if (!canvas.label.contains(n.x, n.y) || canvas.label.at(n.x, n.y) != kHole) continue;
        if (final[index(n.x, n.y)] != 0) continue;
        // A time computed from another one is later, however rounding falls.
        const float t = std::max(arrival(n.x, n.y, final), std::nextafter(earliest, kNever));
        at(n.x, n.y) = std::min(at(n.x, n.y), t);
      }
    }
  }

  static constexpr float kNever = std::numeric_limits<float>::infinity();

  [[nodiscard]] float time(int x, int y) const {
    return canvas_.label.contains(x, y) ? times_[index(x, y)] : kNever;
  }
  [[nodiscard]] const std::vector<Point>& order() const { return order_; }

 private:
  [[nodiscard]] size_t index(int x, int y) const {
    return static_cast<size_t>(y) * static_cast<size_t>(canvas_.width) + static_cast<size_t>(x);
  }
  [[nodiscard]] float& at(int x, int y) { return times_[index(x, y)]; }

  // From the final neighbours.
  [[nodiscard]] float arrival(int x, int y, const std::vector<char>& final) const {
    const auto from = [&](int i, int j) {
      return canvas_.label.contains(i, j) && final[index(i, j)] != 0 ? times_[index(i, j)] : kNever;
    };
    return solve(std::min(from(x - 1, y), from(x + 1, y)), std::min(from(x, y - 1), from(x, y + 1)));
  }

  // 1 - distance to the nearest hole pixel.
  [[nodiscard]] float before(int x, int y) const {
    float nearest = static_cast<float>(reach_) + 1.0F;
    for (int j = 0; j < canvas_.height; ++j) {
      for (int i = 0; i < canvas_.width; ++i) {
        if (canvas_.label.at(i, j) != kHole) continue;
        const auto squared = static_cast<float>((i - x) * (i - x) + (j - y) * (j - y));
        nearest = std::min(nearest, std::sqrt(squared));
      }
    }
    return 1.0F - nearest;
  }

  // (t - a)^2 + (t - b)^2 = 1, t >= a, b; from one side alone where that has no solution.
  static float solve(float a, float b) {
    if (a > b) std::swap(a, b);
    const float d = b - a;
    if (!(d < 1.0F)) return a + 1.0F;
    return a + 0.5F * (d + std::sqrt(2.0F - d * d));
  }

  const Canvas& canvas_;
  int reach_;
  std::vector<float> times_;
  std::vector<Point> order_;
};

}  // namespace infill::test
