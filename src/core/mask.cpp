#include "core/mask.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "core/half.h"
#include "core/status.h"

namespace infill {

namespace {

// Pixels that one piece of a parallel loop reads, or one row.
constexpr int64_t kPiece = 1 << 18;

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Rounds m in 0..1 to steps of 1 / maximum, but a hole stays a hole.
template <class Bits>
Bits whole(float m, float maximum) {
  if (m <= 0.0F) return 0;
  return static_cast<Bits>(std::clamp(m * maximum + 0.5F, 1.0F, maximum));
}

// The cells of one type of mask: their bits, and m.
struct Byte {
  using Bits = uint8_t;
  static float value(Bits bits) { return static_cast<float>(bits) / 255.0F; }
  static Bits bits(float m) { return whole<Bits>(m, 255.0F); }
};
struct AnyByte {
  using Bits = uint8_t;
  static float value(Bits bits) { return bits != 0 ? 1.0F : 0.0F; }
  static Bits bits(float m) { return m > 0.0F ? 1 : 0; }
};
struct Word {
  using Bits = uint16_t;
  static float value(Bits bits) { return static_cast<float>(bits) / 65535.0F; }
  static Bits bits(float m) { return whole<Bits>(m, 65535.0F); }
};
// NaN is left for the caller to find.
float clamped(float value) {
  if (value <= 0.0F) return 0.0F;
  return value >= 1.0F ? 1.0F : value;
}
struct Half {
  using Bits = uint16_t;
  static float value(Bits bits) { return clamped(half_to_float(bits)); }
  static Bits bits(float m) {
    constexpr float kLeastHalf = 0x1p-24F;
    return float_to_half(m > 0.0F ? std::max(m, kLeastHalf) : 0.0F);
  }
};
struct Float {
  using Bits = uint32_t;
  static float value(Bits bits) { return clamped(std::bit_cast<float>(bits)); }
  static Bits bits(float m) { return std::bit_cast<Bits>(m); }
};

// Calls body(Cell()) for the mask's type of cell.
void with_cell(const Image& mask, const auto& body) {
  const FormatInfo& format = *mask.format;
  if (format.channels != 1) {
    fail(Status::kInvalidArgument, "mask.format: ", format.name,
         " is none of GRAY8, GRAY16, GRAY16F, GRAY32F, MASK8");
  }
  switch (format.type) {
    case PixelType::kU8:
      return format.is_mask ? body(AnyByte()) : body(Byte());
    case PixelType::kU16:
      return body(Word());
    case PixelType::kF16:
      return body(Half());
    case PixelType::kF32:
      return body(Float());
  }
}

[[noreturn]] void fail_nan(int32_t x, int32_t y) {
  fail(Status::kInvalidArgument, "mask: pixel (", x, ", ", y, ") is NaN");
}

// One row of cells.
template <class Cell>
class Row {
 public:
  Row(const Image& mask, int32_t y) : cells_(mask.at(0, y)), stride_(mask.pixel_stride), y_(y) {}

  [[nodiscard]] float value(int32_t x) const {
    const float m = Cell::value(bits(x));
    if (std::isnan(m)) fail_nan(x, y_);
    return m;
  }

  // The first x in [from, to) with a hole, or to.
  [[nodiscard]] int32_t find_hole(int32_t from, int32_t to) const {
    for (int32_t x = skip_zeros(from, to); x < to; x = skip_zeros(x + 1, to)) {
      if (value(x) > 0.0F) return x;
    }
    return to;
  }
  // The first x in [from, to) that is kept, or to.
  [[nodiscard]] int32_t find_kept(int32_t from, int32_t to) const {
    int32_t x = from;
    if constexpr (sizeof(Bits) == 1) {
      // Eight bytes at once while none is zero.
      constexpr uint64_t kOnes = 0x0101010101010101U;
      for (; stride_ == 1 && x <= to - 8; x += 8) {
        const auto eight = load<uint64_t>(cells_ + x);
        if (((eight - kOnes) & ~eight & (kOnes << 7U)) != 0) break;
      }
    }
    while (x < to && value(x) > 0.0F) ++x;
    return x;
  }

 private:
  using Bits = typename Cell::Bits;
  [[nodiscard]] Bits bits(int32_t x) const { return load<Bits>(cells_ + x * stride_); }

  // The first x in [from, to) whose bits are not all 0, or to. Most of most masks is 0: 64 bytes at once.
  [[nodiscard]] int32_t skip_zeros(int32_t from, int32_t to) const {
    constexpr auto kBlock = static_cast<int32_t>(64 / sizeof(Bits));
    int32_t x = from;
    for (; stride_ == sizeof(Bits) && x <= to - kBlock; x += kBlock) {
      const std::byte* at = cells_ + x * stride_;
      uint64_t any = 0;
      for (int i = 0; i < 64; i += 8) any |= load<uint64_t>(at + i);
      if (any != 0) break;
    }
    while (x < to && bits(x) == 0) ++x;
    return x;
  }

  const std::byte* cells_;
  int64_t stride_;
  int32_t y_;
};

// Calls emit(run) for every run of rows [y0, y1) of rect.
template <class Cell>
void scan(const Image& mask, const Rect& rect, int32_t y0, int32_t y1, Task& task, const auto& emit) {
  for (int32_t y = y0; y < y1; ++y) {
    const Row<Cell> row(mask, y);
    int32_t end = rect.x;
    for (;;) {
      const int32_t begin = row.find_hole(end, rect.right());
      if (begin == rect.right()) break;
      end = row.find_kept(begin, rect.right());
      emit(Run{y, begin, end});
    }
    task.advance(static_cast<uint64_t>(rect.width));
  }
}

}  // namespace

void read_mask_row(const Image& mask, int32_t x, int32_t y, std::span<float> values) {
  with_cell(mask, [&]<class Cell>(Cell) {
    const Row<Cell> row(mask, y);
    for (size_t i = 0; i < values.size(); ++i) values[i] = row.value(x + static_cast<int32_t>(i));
  });
}

void write_mask_row(const Image& mask, int32_t x, int32_t y, std::span<const float> values) {
  with_cell(mask, [&]<class Cell>(Cell) {
    std::byte* to = mask.at(x, y);
    for (const float m : values) {
      const typename Cell::Bits bits = Cell::bits(clamped(m));
      std::memcpy(to, &bits, sizeof bits);
      to += mask.pixel_stride;
    }
  });
}

RunVector read_runs(const Image& mask, const Rect& rect, Memory& memory, Threads& threads, Task& task) {
  RunVector runs{StdAllocator<Run>(memory)};
  if (rect.empty()) return runs;
  with_cell(mask, [&]<class Cell>(Cell) {
    // Bands are counted first, so that each can be written to its own place.
    const auto rows = static_cast<int32_t>(std::max<int64_t>(1, kPiece / rect.width));
    const int32_t bands = (rect.height + rows - 1) / rows;
    std::vector<size_t, StdAllocator<size_t>> first(static_cast<size_t>(bands) + 1, 0,
                                                    StdAllocator<size_t>(memory));
    const auto scan_band = [&](int64_t band, const auto& emit) {
      const auto y0 = static_cast<int32_t>(rect.y + band * rows);
      scan<Cell>(mask, rect, y0, std::min(rect.bottom(), y0 + rows), task, emit);
    };
    threads.parallel_for(task, bands, 1, [&](int64_t band, int64_t) {
      size_t count = 0;
      scan_band(band, [&](const Run&) { ++count; });
      first[static_cast<size_t>(band) + 1] = count;
    });
    for (size_t i = 1; i < first.size(); ++i) first[i] += first[i - 1];
    runs.resize(first.back());
    threads.parallel_for(task, bands, 1, [&](int64_t band, int64_t) {
      const auto b = static_cast<size_t>(band);
      if (first[b] == first[b + 1]) return;
      Run* at = runs.data() + first[b];
      scan_band(band, [&](const Run& run) { *at++ = run; });
    });
  });
  return runs;
}

}  // namespace infill
