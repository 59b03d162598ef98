#include "classic/telea.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "classic/fast_marching.h"
#include "core/meter.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "classic/telea.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// The colour of a hole pixel p is linear in the colours around it:
//
//   I(p) = sum_q w(p, q) (I(q) + g(p) grad I(q) . (p - q)) / sum_q w(p, q)
//
// over the pixels q within the radius that come before p, where grad I(q) is a difference of I(q) and its 4
// neighbours that come before p. Who comes before whom follows from the arrival times T alone. So the factor
// of each I around p, the same for all channels, is worked out first (in parallel), and what is left to do in
// the front's order is one sum of products per channel.

#ifndef INFILL_CLASSIC_TELEA_SHARED
#define INFILL_CLASSIC_TELEA_SHARED
namespace infill::classic {
namespace {

constexpr int32_t kMaximumRadius = 16;

// A window of rows() x width factors around a pixel; the pixel is at (centre, centre). One ring more than the
// radius, for the gradients of the outermost q, and rows padded to full vectors.
struct Window {
  int32_t radius;
  [[nodiscard]] constexpr int32_t centre() const { return radius + 1; }
  [[nodiscard]] constexpr ptrdiff_t rows() const { return 2 * ptrdiff_t{radius} + 3; }
  [[nodiscard]] constexpr ptrdiff_t width() const { return (rows() + 15) / 16 * 16; }
  [[nodiscard]] constexpr size_t size() const { return static_cast<size_t>(rows() * width()); }
  // The window with room to read one pixel to each side of it.
  [[nodiscard]] constexpr ptrdiff_t pitch() const { return width() + 16; }
  [[nodiscard]] constexpr size_t padded_size() const { return static_cast<size_t>((rows() + 2) * pitch()); }
};

// Of one pixel, next to its window of factors.
struct Sum {
  float weight;            // sum of w
  int32_t x, y;            // the pixel
  int32_t from_x, from_y;  // its 4-neighbour that came first
};

// Factors of consecutive pixels of the front's order.
struct Block {
  std::span<const uint32_t> pixels;
  std::span<float> windows;
  std::span<Sum> sums;
};

struct Telea {
  Window window;
  float gradient;  // share of the gradient's term next to the rim
  const ArrivalTimes& times;
  std::span<const float> closeness;  // window: 1 / |p - q|^3 inside the radius, 0 elsewhere
};

}  // namespace
}  // namespace infill::classic
#endif  // INFILL_CLASSIC_TELEA_SHARED

HWY_BEFORE_NAMESPACE();
namespace infill::classic::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;
using Tag = hn::CappedTag<float, 16>;

template <class D, class V>
HWY_INLINE float sum_of_lanes(D /*d*/, V v) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    return hn::GetLane(v);
  } else {
    const hn::Half<D> half;
    return sum_of_lanes(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// Sum of term(d, row, i) over the window. As sixteen partial sums of the even rows and sixteen of the odd
// ones, which are then added up by halves: the same for vectors of every length.
template <class Term>
HWY_INLINE float sum_over(const Window& window, const Term& term) {
  const Tag d;
  constexpr size_t kLanes = hn::MaxLanes(Tag());
  constexpr size_t kVectors = 16 / kLanes;
  using V = hn::Vec<Tag>;
  std::array<V, kVectors> partial;
  for (size_t k = 0; k < kVectors; ++k) {
    V even = hn::Zero(d);
    V odd = hn::Zero(d);
    for (auto i = static_cast<ptrdiff_t>(k * kLanes); i < window.width(); i += 16) {
      ptrdiff_t row = 0;
      for (; row + 1 < window.rows(); row += 2) {
        even = hn::Add(even, term(d, row, i));
        odd = hn::Add(odd, term(d, row + 1, i));
      }
      even = hn::Add(even, term(d, row, i));  // the number of rows is odd
    }
    partial[k] = hn::Add(even, odd);
  }
  for (size_t half = kVectors / 2; half > 0; half /= 2) {
    for (size_t k = 0; k < half; ++k) partial[k] = hn::Add(partial[k], partial[k + half]);
  }
  return sum_of_lanes(d, partial[0]);
}

// T's central difference; one-sided where the other side has no T.
float slope(float before, float here, float after) {
  if (before == kNeverReached) return after == kNeverReached ? 0 : after - here;
  return after == kNeverReached ? here - before : 0.5F * (after - before);
}

// Of one thread: windows with a frame of zeros.
struct Buffers {
  using Framed = std::array<float, Window{kMaximumRadius}.padded_size()>;
  explicit Buffers(Window window) {
    for (Framed* each : {&before, &own, &right, &left, &below, &above}) {
      std::fill_n(each->begin(), window.padded_size(), 0.0F);
    }
  }
  // 1 where a pixel comes before p.
  alignas(64) Framed before;
  // Factors by where they come from: q itself, and what its gradient takes from and gives to its neighbours.
  alignas(64) Framed own;
  alignas(64) Framed right;
  alignas(64) Framed left;
  alignas(64) Framed below;
  alignas(64) Framed above;
};

void factors_of(const Telea& telea, uint32_t pixel, Buffers& buffers, float* factors, Sum& sum) {
  const Tag d;
  const auto lanes = static_cast<ptrdiff_t>(hn::Lanes(d));
  const Window window = telea.window;
  const int32_t centre = window.centre();
  const ptrdiff_t width = window.width();
  const ptrdiff_t pitch = window.pitch();
  const ptrdiff_t frame = pitch + 8;
  const Plane<float>& time = telea.times.time;
  const float* at = time.data + pixel;
  const float* corner = at - centre * time.stride - centre;
  const float t = *at;
  const auto one = hn::Set(d, 1.0F);

  // Pixels of equal time come in the order of rows.
  const float after_t = std::nextafter(t, kNeverReached);
  for (ptrdiff_t row = 0; row < window.rows(); ++row) {
    const float* from = corner + row * time.stride;
    float* to = buffers.before.data() + frame + row * pitch;
    const auto limit = hn::Set(d, row < centre ? after_t : t);
    for (ptrdiff_t i = 0; i < width; i += lanes) {
      hn::StoreU(hn::IfThenElseZero(hn::Lt(hn::LoadU(d, from + i), limit), one), d, to + i);
    }
  }
  for (ptrdiff_t i = 0; i < centre; ++i) {
    buffers.before.at(static_cast<size_t>(frame + centre * pitch + i)) =
        corner[centre * time.stride + i] <= t ? 1.0F : 0.0F;
  }

  const float nx = slope(at[-1], t, at[1]);
  const float ny = slope(at[-time.stride], t, at[time.stride]);
  const float gradient = telea.gradient * std::max(0.0F, 1.0F - t / static_cast<float>(window.radius + 1));
  const auto here = hn::Set(d, t);
  const auto share = hn::Set(d, gradient);
  const auto half = hn::Set(d, 0.5F);
  for (ptrdiff_t row = 1; row + 1 < window.rows(); ++row) {
    const auto ry = hn::Set(d, static_cast<float>(centre - row));
    const auto ny_ry = hn::Mul(hn::Set(d, ny), ry);
    for (ptrdiff_t i = 0; i < width; i += lanes) {
      const ptrdiff_t o = frame + row * pitch + i;
      const float* before = buffers.before.data() + o;
      const auto rx = hn::Sub(hn::Set(d, static_cast<float>(centre - i)), hn::Iota(d, 0.0F));
      const auto known = hn::LoadU(d, before);
      // Excluded pixels have infinite T: the difference stays out of it by the 0 in known.
      const auto apart = hn::AbsDiff(hn::LoadU(d, corner + row * time.stride + i), here);
      const auto level = hn::Div(known, hn::Add(one, apart));
      const auto along = hn::Abs(hn::Add(hn::Mul(hn::Set(d, nx), rx), ny_ry));
      const auto direction = hn::Max(along, hn::Set(d, 1e-6F));
      const auto weight =
          hn::Mul(hn::Mul(direction, level), hn::LoadU(d, telea.closeness.data() + row * width + i));
      if (gradient == 0) {
        hn::StoreU(weight, d, factors + row * width + i);
        continue;
      }
      // Difference towards each side that is known, halved where both sides are.
      const auto w = hn::Mul(weight, share);
      const auto is_left = hn::LoadU(d, before - 1);
      const auto is_right = hn::LoadU(d, before + 1);
      const auto is_above = hn::LoadU(d, before - pitch);
      const auto is_below = hn::LoadU(d, before + pitch);
      const auto wx = hn::Mul(hn::Mul(w, rx), hn::Sub(one, hn::Mul(half, hn::Mul(is_left, is_right))));
      const auto wy = hn::Mul(hn::Mul(w, ry), hn::Sub(one, hn::Mul(half, hn::Mul(is_above, is_below))));
      const auto right = hn::Mul(wx, is_right);
      const auto left = hn::Mul(wx, is_left);
      const auto below = hn::Mul(wy, is_below);
      const auto above = hn::Mul(wy, is_above);
      hn::StoreU(hn::Add(hn::Add(weight, hn::Sub(left, right)), hn::Sub(above, below)), d,
                 buffers.own.data() + o);
      hn::StoreU(right, d, buffers.right.data() + o);
      hn::StoreU(left, d, buffers.left.data() + o);
      hn::StoreU(below, d, buffers.below.data() + o);
      hn::StoreU(above, d, buffers.above.data() + o);
    }
  }
  if (gradient == 0) {
    std::fill_n(factors, width, 0.0F);
    std::fill_n(factors + (window.rows() - 1) * width, width, 0.0F);
  } else {
    for (ptrdiff_t row = 0; row < window.rows(); ++row) {
      for (ptrdiff_t i = 0; i < width; i += lanes) {
        const ptrdiff_t o = frame + row * pitch + i;
        const auto x =
            hn::Sub(hn::LoadU(d, buffers.right.data() + o - 1), hn::LoadU(d, buffers.left.data() + o + 1));
        const auto y = hn::Sub(hn::LoadU(d, buffers.below.data() + o - pitch),
                               hn::LoadU(d, buffers.above.data() + o + pitch));
        hn::StoreU(hn::Add(hn::LoadU(d, buffers.own.data() + o), hn::Add(x, y)), d,
                   factors + row * width + i);
      }
    }
  }
  // The gradients' factors cancel: this is the sum of the weights alone.
  sum.weight = sum_over(window, [&](Tag tag, ptrdiff_t row, ptrdiff_t i)
                                    HWY_ATTR { return hn::LoadU(tag, factors + row * width + i); });
  sum.y = static_cast<int32_t>(pixel / time.stride);
  sum.x = static_cast<int32_t>(pixel % time.stride);
  float first = t;
  for (const auto [dx, dy] : {Point{-1, 0}, Point{1, 0}, Point{0, -1}, Point{0, 1}}) {
    const float neighbour = at[dy * time.stride + dx];
    if (neighbour >= first) continue;
    first = neighbour;
    sum.from_x = sum.x + dx;
    sum.from_y = sum.y + dy;
  }
}

// Factors of pixels begin .. end of the block.
void find_factors(const Telea& telea, const Block& block, int64_t begin, int64_t end) {
  Buffers buffers(telea.window);
  for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
    factors_of(telea, block.pixels[i], buffers, block.windows.data() + i * telea.window.size(),
               block.sums[i]);
  }
}

// Colours of the block's pixels in one plane, in their order.
void fill_plane(const Telea& telea, const Block& block, const Plane<float>& plane) {
  const Window window = telea.window;
  const ptrdiff_t width = window.width();
  alignas(64) std::array<float, Window{kMaximumRadius}.size()> copy;
  for (size_t i = 0; i < block.pixels.size(); ++i) {
    const Sum& sum = block.sums[i];
    const float* factors = block.windows.data() + i * window.size();
    const ptrdiff_t x0 = sum.x - window.centre();
    const ptrdiff_t y0 = sum.y - window.centre();
    const float* corner = plane.data + y0 * plane.stride + x0;
    ptrdiff_t stride = plane.stride;
    if (x0 < 0 || y0 < 0 || x0 + width > plane.width || y0 + window.rows() > plane.height) {
      // Part of the window is outside the canvas, where factors are 0.
      copy.fill(0);
      const ptrdiff_t left = std::max<ptrdiff_t>(x0, 0);
      const ptrdiff_t right = std::min<ptrdiff_t>(x0 + width, plane.width);
      const ptrdiff_t bottom = std::min<ptrdiff_t>(y0 + window.rows(), plane.height);
      for (ptrdiff_t y = std::max<ptrdiff_t>(y0, 0); y < bottom; ++y) {
        const float* from = plane.data + y * plane.stride;
        std::copy(from + left, from + right, copy.data() + (y - y0) * width + (left - x0));
      }
      corner = copy.data();
      stride = width;
    }
    // Summed as differences from one known neighbour, so that a constant stays exactly what it is.
    const float base = plane.at(sum.from_x, sum.from_y);
    const float difference = sum_over(window, [&](Tag d, ptrdiff_t row, ptrdiff_t column) HWY_ATTR {
      return hn::Mul(hn::LoadU(d, factors + row * width + column),
                     hn::Sub(hn::LoadU(d, corner + row * stride + column), hn::Set(d, base)));
    });
    plane.at(sum.x, sum.y) = base + difference / sum.weight;
  }
}

}  // namespace
}  // namespace infill::classic::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace infill::classic {

namespace {

HWY_EXPORT(find_factors);
HWY_EXPORT(fill_plane);

constexpr std::array<Parameter, kTeleaParameterCount> kParameters{{
    {"telea.radius", "Pixels around a hole pixel that its colour is taken from; more is smoother and slower",
     true, 1, kMaximumRadius, 5},
    {"telea.gradient",
     "How much of the surroundings' slope is continued at the rim of a hole, fading to nothing one radius "
     "inside; 0 makes every pixel a plain weighted mean",
     false, 0, 1, 0.5},
}};

constexpr std::array<Preset, 2> kPresets{{
    {Quality::kFast, kTeleaRadius, 3},
    {Quality::kHigh, kTeleaRadius, 7},
}};

// Large enough to be worth sharing out, small enough to stay in the cache.
constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr int64_t kPixelsPerPiece = 128;

Window window_of(const Settings& settings) {
  return {settings.integer(kTeleaRadius)};
}

MarchShape march_shape(const CanvasShape& shape, Window window) {
  return {shape.width,     shape.height,    shape.hole_pixels,
          shape.hole_runs, window.centre(), static_cast<int32_t>(window.width()) - window.centre(),
          window.centre()};
}

std::array<Block, 2> take_blocks(int64_t hole_pixels, Window window, Arena& arena) {
  const size_t pixels =
      std::min(static_cast<size_t>(hole_pixels), kBlockBytes / (window.size() * sizeof(float)));
  std::array<Block, 2> blocks;
  for (Block& block : blocks) {
    block.windows = arena.take<float>(pixels * window.size());
    block.sums = arena.take<Sum>(pixels);
  }
  return blocks;
}

void set_closeness(std::span<float> closeness, Window window) {
  std::fill(closeness.begin(), closeness.end(), 0.0F);
  for (int32_t dy = -window.radius; dy <= window.radius; ++dy) {
    for (int32_t dx = -window.radius; dx <= window.radius; ++dx) {
      const int32_t squared = dx * dx + dy * dy;
      if (squared == 0 || squared > window.radius * window.radius) continue;
      const auto distance2 = static_cast<float>(squared);
      closeness[static_cast<size_t>((dy + window.centre()) * window.width() + dx + window.centre())] =
          1.0F / (distance2 * std::sqrt(distance2));
    }
  }
}

// Paints the previous block while the next one's factors are worked out.
void paint(const Canvas& canvas, const Telea& telea, std::array<Block, 2> blocks, Work& work) {
  const std::span<const uint32_t> order = telea.times.order;
  const size_t capacity = blocks[0].sums.size();
  const auto visits = static_cast<uint64_t>(telea.window.rows() * telea.window.rows());
  const auto find = HWY_DYNAMIC_DISPATCH(find_factors);
  const auto fill_one = HWY_DYNAMIC_DISPATCH(fill_plane);
  for (size_t first = 0; first < order.size() + capacity; first += capacity) {
    Block& next = blocks[0];
    const Block& previous = blocks[1];
    next.pixels = order.subspan(std::min(first, order.size()));
    next.pixels = next.pixels.first(std::min(capacity, next.pixels.size()));
    const auto pixels = static_cast<int64_t>(next.pixels.size());
    const int64_t pieces = (pixels + kPixelsPerPiece - 1) / kPixelsPerPiece;
    const int64_t planes = previous.pixels.empty() ? 0 : canvas.channels;
    work.threads.parallel_for(work.task, planes + pieces, 1, [&](int64_t begin, int64_t) {
      if (begin < planes) {
        fill_one(telea, previous, canvas.planes.at(static_cast<size_t>(begin)));
        if (begin == 0) work.task.advance(previous.pixels.size() * visits);
        return;
      }
      const int64_t from = (begin - planes) * kPixelsPerPiece;
      const int64_t to = std::min(from + kPixelsPerPiece, pixels);
      find(telea, next, from, to);
      work.task.advance(static_cast<uint64_t>(to - from) * visits);
    });
    work.task.done(static_cast<double>(first) / static_cast<double>(order.size() + capacity));
    std::swap(blocks[0], blocks[1]);
  }
}

// Hole pixels that excluded ones wall off from all that is known become the mean of all that is known.
void fill_unreached(const Canvas& canvas, const ArrivalTimes& times, Task& task) {
  Meter meter(task);
  for (int32_t c = 0; c < canvas.channels; ++c) {
    const Plane<float>& plane = canvas.planes.at(static_cast<size_t>(c));
    float base = 0;
    double sum = 0;
    int64_t count = 0;
    for (int32_t y = 0; y < canvas.height; ++y) {
      for (int32_t x = 0; x < canvas.width; ++x) {
        if (canvas.label.at(x, y) != kKnown) continue;
        if (count++ == 0) base = plane.at(x, y);
        sum += plane.at(x, y) - base;
      }
      meter.add(static_cast<uint64_t>(canvas.width));
    }
    const float mean = base + static_cast<float>(sum / static_cast<double>(count));
    for (const Run& run : canvas.holes) {
      for (int32_t x = run.x0; x < run.x1; ++x) {
        if (times.time.at(x, run.y) == kNeverReached) plane.at(x, run.y) = mean;
      }
      meter.add(static_cast<uint64_t>(run.x1 - run.x0));
    }
  }
  meter.flush();
}

int32_t context(const Settings& settings, int32_t, int32_t) {
  return window_of(settings).centre();
}

size_t scratch(const CanvasShape& shape, const Settings& settings) {
  const Window window = window_of(settings);
  Arena arena = Arena::measuring();
  (void)arena.take<float>(window.size());
  measure_march(march_shape(shape, window), arena);
  (void)take_blocks(shape.hole_pixels, window, arena);
  return arena.peak();
}

void fill(Canvas& canvas, const Settings& settings, Work& work) {
  if (canvas.hole_pixels == 0) return;
  const Window window = window_of(settings);
  const CanvasShape shape{canvas.width,
                          canvas.height,
                          canvas.channels,
                          canvas.hole_pixels,
                          static_cast<int64_t>(canvas.holes.size()),
                          work.threads.count()};
  const std::span<float> closeness = work.arena.take<float>(window.size());
  set_closeness(closeness, window);
  const ArrivalTimes times = march(canvas, march_shape(shape, window), work.arena, work.threads, work.task);
  const auto gradient = static_cast<float>(settings[kTeleaGradient]);
  paint(canvas, {window, gradient, times, closeness}, take_blocks(canvas.hole_pixels, window, work.arena),
        work);
  if (times.order.size() < static_cast<size_t>(canvas.hole_pixels)) fill_unreached(canvas, times, work.task);
}

}  // namespace

// Two holes are independent when no window around a pixel of one holds a pixel of the other.
constinit const Method kTelea{
    MethodId::kTelea, "telea", "Fast marching (Telea): thin scratches and text, fast and sharp at the rim",
    kParameters,      context, kMaximumRadius + 1,
    scratch,          fill,    kPresets};

}  // namespace infill::classic
#endif  // HWY_ONCE
