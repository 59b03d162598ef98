#include "pipeline/sources.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <span>
#include <vector>

#include "core/mask.h"
#include "core/status.h"

namespace infill::pipeline {

namespace {

// Calls body(x, usable) for the pixels in row y of rect. Returns the bounds of those that are usable.
Rect scan_row(const Request& request, const Rect& rect, int32_t y, const auto& body) {
  constexpr int32_t kChunk = 1024;
  std::array<float, kChunk> allowed{};
  std::array<float, kChunk> hole{};
  int32_t left = rect.right();
  int32_t right = rect.x;
  for (int32_t from = rect.x; from < rect.right(); from += kChunk) {
    const int32_t n = std::min(kChunk, rect.right() - from);
    read_mask_row(*request.allow, from, y, std::span(allowed).first(static_cast<size_t>(n)));
    read_mask_row(request.mask, from, y, std::span(hole).first(static_cast<size_t>(n)));
    for (int32_t i = 0; i < n; ++i) {
      const int32_t x = from + i;
      const bool usable = allowed[static_cast<size_t>(i)] > 0.0F && hole[static_cast<size_t>(i)] == 0.0F;
      if (usable) {
        left = std::min(left, x);
        right = x + 1;
      }
      body(x, usable);
    }
  }
  return left < right ? Rect{left, y, right - left, 1} : Rect{};
}

}  // namespace

Sources::Sources(const Request& request, const Options& options, Memory& memory, Threads& threads, Task& task)
    : request_(request), memory_(memory), threads_(threads), task_(task) {
  if (!request.allow) return;
  patch_ = options.method->patch(options.method_settings);
  if (!request.reference) return;
  const Image& reference = *request.reference;
  patches_of_reference_ = std::max<int64_t>(0, int64_t{reference.width} - patch_ + 1) *
                          std::max<int64_t>(0, int64_t{reference.height} - patch_ + 1);
}

Rect Sources::widen(const Rect& crop, const Rect& bounds, int64_t context, int64_t hole_pixels) {
  if (!request_.allow) return crop;
  const Rect picture = request_.src.bounds();
  if (request_.allow->data == nullptr || request_.mask.data == nullptr) return picture;
  const int64_t enough = std::max(hole_pixels, kFewest) - patches_of_reference_;
  if (enough <= 0 || look(crop).patches >= enough) return crop;
  const Rect& all = everywhere();
  if (all.empty()) {
    if (request_.reference) return crop;
    fail(Status::kInvalidArgument,
         "allow: none of its pixels lies outside the holes, so nothing may be copied");
  }
  for (int64_t reach = 2 * context;; reach *= 2) {
    const Rect seen = intersect(unite(crop, grow(bounds, reach, picture)), all);
    const Found found = look(seen);
    if (found.patches >= enough || seen == all) return unite(crop, found.bounds);
  }
}

Sources::Found Sources::look(const Rect& rect) const {
  Found found;
  if (rect.empty()) return found;
  // A patch ends wherever patch_ columns side by side are that high.
  std::vector<int32_t, StdAllocator<int32_t>> height(static_cast<size_t>(rect.width), 0,
                                                     StdAllocator<int32_t>(memory_));
  for (int32_t y = rect.y; y < rect.bottom(); ++y) {
    int32_t columns = 0;
    const Rect row = scan_row(request_, rect, y, [&](int32_t x, bool usable) {
      int32_t& here = height[static_cast<size_t>(x - rect.x)];
      here = usable ? here + 1 : 0;
      columns = here >= patch_ ? columns + 1 : 0;
      if (columns >= patch_) ++found.patches;
    });
    found.bounds = unite(found.bounds, row);
    task_.advance(static_cast<uint64_t>(rect.width));
  }
  return found;
}

const Rect& Sources::everywhere() {
  if (everywhere_) return *everywhere_;
  const Rect picture = request_.src.bounds();
  Rect all;
  std::mutex mutex;
  threads_.parallel_for(task_, picture.height, 16, [&](int64_t begin, int64_t end) {
    Rect here;
    for (auto y = static_cast<int32_t>(begin); y < end; ++y) {
      here = unite(here, scan_row(request_, picture, y, [](int32_t, bool) {}));
      task_.advance(static_cast<uint64_t>(picture.width));
    }
    const std::lock_guard lock(mutex);
    all = unite(all, here);
  });
  return everywhere_.emplace(all);
}

}  // namespace infill::pipeline
