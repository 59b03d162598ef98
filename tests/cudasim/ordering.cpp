#include "cudasim/ordering.h"

#include <algorithm>

namespace infill::cudasim {

Ordering ordering;

void Ordering::begin_launch() {
  launch_start_ = ++now_;
  released_.clear();
}

void Ordering::begin_block() {
  block_start_ = barrier_ = ++now_;
  fenced_ = false;
  acquired_.clear();
}

void Ordering::warps_barrier(uint32_t warps) {
  ++now_;
  Row joined{};
  for (unsigned warp = 0; warp < 32; ++warp) {
    if ((warps >> warp & 1) == 0) continue;
    for (unsigned i = 0; i < 32; ++i) joined[i] = std::max(joined[i], warps_known_[warp][i]);
  }
  for (unsigned warp = 0; warp < 32; ++warp) {
    if ((warps >> warp & 1) != 0) joined[warp] = now_;
  }
  for (unsigned warp = 0; warp < 32; ++warp) {
    if ((warps >> warp & 1) == 0) continue;
    warps_known_[warp] = joined;
    for (unsigned lane = 0; lane < 32; ++lane) lanes_known_[warp * 32 + lane].fill(now_);
  }
}

void Ordering::warp_barrier(unsigned warp, uint32_t lanes) {
  ++now_;
  Row* rows = &lanes_known_[warp * 32];
  Row joined{};
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((lanes >> lane & 1) == 0) continue;
    for (unsigned i = 0; i < 32; ++i) joined[i] = std::max(joined[i], rows[lane][i]);
  }
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((lanes >> lane & 1) != 0) joined[lane] = now_;
  }
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((lanes >> lane & 1) != 0) rows[lane] = joined;
  }
}

void Ordering::global_atomic(uintptr_t address) {
  std::vector<Release>& releases = released_[address];
  acquired_.insert(acquired_.end(), releases.begin(), releases.end());
  if (!fenced_) return;
  releases = acquired_;
  releases.push_back(Release{block_start_, ++now_});
}

bool Ordering::is_acquired(Time time) const {
  return std::any_of(acquired_.begin(), acquired_.end(), [time](const Release& release) {
    return release.block_start <= time && time < release.until;
  });
}

}  // namespace infill::cudasim
