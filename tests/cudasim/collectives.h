// What the language's synchronising functions stand on. Values travel as bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cudasim/site.h"

namespace infill::cudasim {

enum class ReduceAll : uint8_t { kCount, kAnd, kOr };

// __syncthreads and its relatives; bar.sync id, threads (0: all of the block).
void sync_block(const Site& site);
void sync_barrier(int id, unsigned threads, const Site& site);
int sync_block_reduce(int predicate, ReduceAll reduce, const Site& site);
// __syncwarp
void sync_warp(uint32_t mask, const Site& site);
// __threadfence and wider
void fence();
// Lanes of the warp that did not end.
uint32_t active_lanes();

// Each lane gives `bytes` (at most 32) of `value` and receives those of `source`; kOwnLane keeps its own.
constexpr unsigned kOwnLane = 32;
void shuffle(uint32_t mask, void* value, size_t bytes, unsigned source, const Site& site);
// Lanes of the mask whose predicate is true.
uint32_t ballot(uint32_t mask, bool predicate, const Site& site);
// Lanes of the mask that hold the same value.
uint32_t match_any(uint32_t mask, uint64_t value, const Site& site);

enum class WarpReduce : uint8_t { kAdd, kMin, kMax, kAnd, kOr, kXor };
uint32_t reduce(uint32_t mask, uint32_t value, WarpReduce operation, bool is_signed, const Site& site);

[[noreturn]] void trap(const Site& site, const char* why);

}  // namespace infill::cudasim
