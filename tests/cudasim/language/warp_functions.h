// Barriers, fences, shuffles, votes and reductions.
#pragma once

#include <type_traits>

#include "cudasim/collectives.h"
#include "cudasim/language/keywords.h"
#include "cudasim/site.h"

inline void __syncthreads(infill::cudasim::Site site = infill::cudasim::Site::here()) {
  infill::cudasim::sync_block(site);
}
inline int __syncthreads_count(int predicate, infill::cudasim::Site site = infill::cudasim::Site::here()) {
  return infill::cudasim::sync_block_reduce(predicate, infill::cudasim::ReduceAll::kCount, site);
}
inline int __syncthreads_and(int predicate, infill::cudasim::Site site = infill::cudasim::Site::here()) {
  return infill::cudasim::sync_block_reduce(predicate, infill::cudasim::ReduceAll::kAnd, site);
}
inline int __syncthreads_or(int predicate, infill::cudasim::Site site = infill::cudasim::Site::here()) {
  return infill::cudasim::sync_block_reduce(predicate, infill::cudasim::ReduceAll::kOr, site);
}
inline void __syncwarp(unsigned mask = ~0u, infill::cudasim::Site site = infill::cudasim::Site::here()) {
  infill::cudasim::sync_warp(mask, site);
}
inline void __threadfence() {
  infill::cudasim::fence();
}
inline void __threadfence_system() {
  infill::cudasim::fence();
}
inline void __threadfence_block() {}
inline unsigned __activemask() {
  return infill::cudasim::active_lanes();
}

namespace infill::cudasim {

// A segment of `width` lanes begins here.
inline unsigned segment(int width) {
  return lane() & ~(static_cast<unsigned>(width) - 1);
}

template <class T>
T shuffle_value(unsigned mask, T value, unsigned source, bool in_range, const Site& site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8, "shuffles move at most 8 bytes");
  shuffle(mask, &value, sizeof value, in_range ? source : kOwnLane, site);
  return value;
}

}  // namespace infill::cudasim

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              infill::cudasim::Site site = infill::cudasim::Site::here()) {
  const unsigned offset = static_cast<unsigned>(source) & (static_cast<unsigned>(width) - 1);
  return infill::cudasim::shuffle_value(mask, value, infill::cudasim::segment(width) + offset, true, site);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 infill::cudasim::Site site = infill::cudasim::Site::here()) {
  const unsigned lane = infill::cudasim::lane();
  const bool in_range = lane - infill::cudasim::segment(width) >= delta;
  return infill::cudasim::shuffle_value(mask, value, lane - delta, in_range, site);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   infill::cudasim::Site site = infill::cudasim::Site::here()) {
  const unsigned lane = infill::cudasim::lane();
  const bool in_range = lane + delta < infill::cudasim::segment(width) + static_cast<unsigned>(width);
  return infill::cudasim::shuffle_value(mask, value, lane + delta, in_range, site);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32,
                  infill::cudasim::Site site = infill::cudasim::Site::here()) {
  const unsigned source = infill::cudasim::lane() ^ static_cast<unsigned>(lanes);
  const bool in_range = source < infill::cudasim::segment(width) + static_cast<unsigned>(width);
  return infill::cudasim::shuffle_value(mask, value, source, in_range, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              infill::cudasim::Site site = infill::cudasim::Site::here()) {
  return infill::cudasim::ballot(mask, predicate != 0, site);
}
inline int __any_sync(unsigned mask, int predicate,
                      infill::cudasim::Site site = infill::cudasim::Site::here()) {
  return infill::cudasim::ballot(mask, predicate != 0, site) != 0 ? 1 : 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      infill::cudasim::Site site = infill::cudasim::Site::here()) {
  return infill::cudasim::ballot(mask, predicate == 0, site) == 0 ? 1 : 0;
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value,
                          infill::cudasim::Site site = infill::cudasim::Site::here()) {
  return infill::cudasim::match_any(mask, static_cast<uint64_t>(value), site);
}

#define INFILL_CUDASIM_REDUCE(name, operation)                                                            \
  inline unsigned name(unsigned mask, unsigned value,                                                     \
                       infill::cudasim::Site site = infill::cudasim::Site::here()) {                      \
    return infill::cudasim::reduce(mask, value, infill::cudasim::WarpReduce::operation, false, site);     \
  }                                                                                                       \
  inline int name(unsigned mask, int value, infill::cudasim::Site site = infill::cudasim::Site::here()) { \
    return static_cast<int>(infill::cudasim::reduce(mask, static_cast<unsigned>(value),                   \
                                                    infill::cudasim::WarpReduce::operation, true, site)); \
  }
INFILL_CUDASIM_REDUCE(__reduce_add_sync, kAdd)
INFILL_CUDASIM_REDUCE(__reduce_min_sync, kMin)
INFILL_CUDASIM_REDUCE(__reduce_max_sync, kMax)
INFILL_CUDASIM_REDUCE(__reduce_and_sync, kAnd)
INFILL_CUDASIM_REDUCE(__reduce_or_sync, kOr)
INFILL_CUDASIM_REDUCE(__reduce_xor_sync, kXor)
#undef INFILL_CUDASIM_REDUCE
