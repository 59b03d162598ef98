// Lanes of a warp that meet: the forms of PTX over cudasim's collectives. ballot, match_any, active_lanes,
// sync_warp and fence are those themselves.
#pragma once

#include "cudasim/collectives.h"
#include "cudasim/ptx/isa/thread.h"

namespace infill::cudasim::ptx {

enum class Shuffle { up, down, bfly, idx };

// shfl.sync: `clamp` is the operand c of the manual, segment mask and last lane. A lane out of range gets its
// own value and valid = false.
inline b32 shuffle(Shuffle mode, b32 value, b32 distance, b32 clamp, b32 mask, bool& valid,
                   const Site& site) {
  const b32 lane = laneid(), segment = clamp >> 8 & 31;
  const b32 first = lane & segment, last = first | (clamp & ~segment & 31);
  distance &= 31;
  b32 source = 0;
  switch (mode) {
    case Shuffle::up:
      source = lane - distance;
      valid = static_cast<s32>(source) >= static_cast<s32>(last);  // the clamp of `up` is the first lane
      break;
    case Shuffle::down:
      source = lane + distance;
      valid = source <= last;
      break;
    case Shuffle::bfly:
      source = lane ^ distance;
      valid = source <= last;
      break;
    case Shuffle::idx:
      source = first | (distance & ~segment);
      valid = source <= last;
      break;
  }
  cudasim::shuffle(mask, &value, sizeof value, valid ? source : kOwnLane, site);
  return value;
}

inline bool vote_any(b32 ballot, b32) {
  return ballot != 0;
}
inline bool vote_all(b32 ballot, b32 lanes) {
  return ballot == lanes;
}
inline bool vote_uni(b32 ballot, b32 lanes) {
  return ballot == 0 || ballot == lanes;
}

// The lowest lane of those that meet.
inline b32 first_lane(b32 mask, const Site& site) {
  return static_cast<b32>(__builtin_ctz(cudasim::ballot(mask, true, site)));
}

template <class T>
T reduce(T value, b32 mask, WarpReduce operation, const Site& site) {
  return static_cast<T>(cudasim::reduce(mask, static_cast<b32>(value), operation, std::is_signed_v<T>, site));
}

}  // namespace infill::cudasim::ptx
