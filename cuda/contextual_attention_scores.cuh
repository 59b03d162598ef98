// The scores of a tile of queries and keys, walk by walk along diagonals, and what both passes make of them.
//
// A step is one Gram product of a row of kTileQueries queries and a row of kTileKeys keys. Warps compute it
// on the tensor cores and leave it in shared memory. Then every thread reads a run of kRun + 5 products along
// one diagonal of it: all sums of patches and fuse run along diagonals, so along the row they stay within the
// thread, and along the walk they are sums over its last three steps. The lanes of a warp are neighbouring
// diagonals: reads have no bank conflicts.
#pragma once

#include "cuda/contextual_attention_product.cuh"
#include "cuda/contextual_attention_walk.h"

namespace infill::cuda::attention {

struct ScoreArguments {
  Shape shape;
  Tiling tiling;
  const void* queries;
  const void* keys;
  const float* inverse;
  const uint32_t* valid;
  int32_t valid_words;
  float scale;
  const int32_t* tiles;  // that are to be computed
  const int32_t* tile_count;
  int32_t first_tile;  // of the panel, in that list
  // First pass
  const int32_t* masked;
  float2* partial;
  // Second pass
  const float* offsets;
  int32_t offset_pitch;
  int32_t key_begin, key_end;  // the window, rows of key cells
  void* weights;
  int64_t weight_pitch;
};

constexpr int kStages = 3;
constexpr int kStageBytes = (kTileQueries + kTileKeys) * kChunk;
// Runs at the tile's edges read up to kRun - 1 values before and behind it, and do not use them.
constexpr int kGramSlack = 8;
static_assert(kRun - 1 <= kGramSlack);

// Words that hold the bits of the tile's keys, and of those up to kRun on the left.
constexpr int kValidWords = (kKeys + kRun + 31) / 32 + 2;
__device__ __forceinline__ int first_valid_word(int key_column) {
  return (key_column + 32 - kRun) / 32;
}

// Warps that multiply: one of 16 queries x 24 keys each.
constexpr int kProductKeys = 3;  // times 8
constexpr int kProductWarps = kTileQueries / 16 * (kTileKeys / (8 * kProductKeys));
static_assert(kProductWarps * 32 <= kWalkThreads && kTileKeys % (8 * kProductKeys) == 0);

// What the threads know of a step; the copies, which run ahead, leave it here.
struct Note {
  Walk walk;
  Step step;
  bool is_last;  // of its walk
  bool is_end;   // no step: there are no more
};
constexpr int kNotes = kStages + 1;  // copies are kStages - 1 steps ahead at most, their order is one more

// What is copied next: bytes from `at` of rows of the extended grid.
struct Order {
  int query_row, key_row, at;
  bool is_copy;
};
// Where the copies are. Thread 0 works it out and keeps it in shared memory: registers are short.
struct Planner {
  int delta, at, note;
  Walk walk;
  Step step;
};

struct alignas(16) ScoreShared {
  char stages[kStages][kStageBytes];
  Note notes[kNotes];
  Order orders[2];
  Planner planner;
  float gram[kGramSlack + kTileQueries * kTileKeys + kGramSlack];
  float inverse[kGramSlack + kTileKeys + kGramSlack];
  // Of the row of scores that the step finishes.
  uint32_t valid[kValidWords];
  float offsets[kQueries + 1];  // second pass: from the query left of the tile's own
};
struct alignas(16) StatisticsShared {
  float logits[kQueries * kTileKeys];
  float maximum[kMostBandRows * kQueries];
  float denominator[kMostBandRows * kQueries];
};

// Bits j, 0 <= j <= kRun + 4: whether lane first + j of a part is the right neighbour in the picture of the
// one before.
__device__ __forceinline__ unsigned links(int first, int part, int w) {
  unsigned bits = ~0U;
  int in_row = (first + part) % w;
  if (in_row < 0) in_row += w;
  for (int j = in_row == 0 ? 0 : w - in_row; j < kRun + 5; j += w) bits &= ~(1U << j);
  return bits;
}

// Bits j with low <= j < high.
__device__ __forceinline__ unsigned bits_between(int64_t low, int64_t high) {
  const int from = static_cast<int>(low < 0 ? 0 : (low > 31 ? 31 : low));
  const int to = static_cast<int>(high < 0 ? 0 : (high > 31 ? 31 : high));
  return ((1U << to) - 1) & ~((1U << from) - 1);
}

// Copies chunks of rows to the stages in the order in which they are multiplied: walks delta, delta + 1, ..,
// end - 1. A barrier lies between any two calls.
template <class MakeWalk>
struct Loader {
  const MakeWalk& make;
  const Shape& shape;
  const char* queries;
  const char* keys;
  int row_bytes, query_lane, key_lane;  // lanes of the extended grid
  int end;
  int stage = 0;
  int order = 0;

  __device__ __forceinline__ void begin(ScoreShared& shared, int delta) const {
    if (threadIdx.x != 0) return;
    shared.planner.delta = delta - 1;
    shared.planner.note = 0;
    next_walk(shared.planner);
    give_order(shared, shared.orders[0]);
  }

  __device__ __forceinline__ void load(ScoreShared& shared) {
    const Order& now = shared.orders[order];
    if (now.is_copy) copy(now, shared.stages[stage]);
    copies_commit();
    order ^= 1;
    if (threadIdx.x == 0) give_order(shared, shared.orders[order]);
    stage = stage + 1 == kStages ? 0 : stage + 1;
  }

  __device__ __forceinline__ void next_walk(Planner& planner) const {
    planner.at = 0;
    do {
      ++planner.delta;
      if (planner.delta >= end) return;
      planner.walk = make(planner.delta);
    } while (planner.walk.is_empty());
    planner.step = first_step(planner.walk, shape.h, shape.fuse);
  }

  __device__ __forceinline__ void give_order(ScoreShared& shared, Order& to) const {
    Planner& planner = shared.planner;
    to.is_copy = planner.delta < end;
    if (!to.is_copy) {
      // Said once.
      if (planner.delta == end) shared.notes[planner.note].is_end = true;
      planner.delta = end + 1;
      return;
    }
    const Step step = planner.step;
    to.query_row = grid_row(step.row, step.query_part);
    to.key_row = grid_row(step.row + planner.delta, step.key_part);
    to.at = planner.at;
    Step next = step;
    const bool is_last = !next_step(planner.walk, shape.h, shape.fuse, next);
    if (planner.at == 0) {
      shared.notes[planner.note] = {planner.walk, step, is_last, false};
      planner.note = planner.note + 1 == kNotes ? 0 : planner.note + 1;
    }
    planner.at += kChunk;
    if (planner.at < row_bytes) return;
    planner.at = 0;
    planner.step = next;
    if (is_last) next_walk(planner);
  }

  __device__ __forceinline__ void copy(const Order& now, char* to) const {
    const int64_t query_row = int64_t{now.query_row} * shape.lanes;
    const int64_t key_row = int64_t{now.key_row} * shape.lanes;
    constexpr int kPieces = (kTileQueries + kTileKeys) * (kChunk / 16);
#pragma unroll
    for (int first = 0; first < kPieces; first += kWalkThreads) {
      const int i = first + static_cast<int>(threadIdx.x);
      if (i >= kPieces) continue;
      const int row = i / 4;
      const bool is_query = row < kTileQueries;
      const int lane = is_query ? query_lane + row : key_lane + row - kTileQueries;
      const int byte = now.at + i % 4 * 16;
      const bool there = lane >= 0 && lane < shape.lanes && byte < row_bytes;
      const char* rows = is_query ? queries : keys;
      const int64_t offset = there ? ((is_query ? query_row : key_row) + lane) * row_bytes + byte : 0;
      copy_piece(to + swizzled(row, i % 4), rows + offset, there ? 16 : 0);
    }
  }
};

// A thread's diagonals and the sums along them. Index j counts lanes from `query_lane`, j = kBefore is its
// first own.
struct Run {
  int query, key;            // own lanes begin here in the tile's own ones; key may be negative
  int query_lane, key_lane;  // of j = 0: columns of the picture
  bool has_diagonal;
  unsigned links;
  float pair[kRun + 3], last[kRun + 3];            // of rows of a patch, j from 1
  float fuse_pair[kRun + 1], fuse_last[kRun + 1];  // of scores, j from 2

  // Bits e of own keys and queries, of which the tile has so many.
  __device__ __forceinline__ unsigned own_steps(int keys, int queries) const {
    return has_diagonal ? bits_between(-key, least(keys - key, queries - query)) : 0;
  }

  __device__ __forceinline__ void begin_walk() {
#pragma unroll
    for (int i = 0; i < kRun + 1; ++i) fuse_pair[i] = fuse_last[i] = 0;
  }
  __device__ __forceinline__ void begin_stretch(const Step& step, int w) {
    links = attention::links(query_lane, step.query_part, w) & attention::links(key_lane, step.key_part, w);
#pragma unroll
    for (int i = 0; i < kRun + 3; ++i) pair[i] = last[i] = 0;
  }

  // Takes the step's products; sums[i], j = i + 2, is the score with fuse's sums of row step.row - 1 (without
  // fuse) or step.row - 2 if that has all its steps.
  __device__ __forceinline__ void add(const ScoreShared& shared, const Step& step, const Shape& shape,
                                      float (&sums)[kRun + 1]) {
    const float* gram = shared.gram + kGramSlack + query * kTileKeys + key;
    const float* inverse = shared.inverse + kGramSlack + key;
    float products[kRun + 5];
#pragma unroll
    for (int j = 0; j < kRun + 5; ++j) products[j] = gram[j * (kTileKeys + 1)];
    float rows[kRun + 3];
    if ((links & bits_between(1, kRun + 5)) == bits_between(1, kRun + 5)) {
#pragma unroll
      for (int i = 0; i < kRun + 3; ++i) rows[i] = products[i + 1] + products[i] + products[i + 2];
    } else {
#pragma unroll
      for (int i = 0; i < kRun + 3; ++i) {
        rows[i] = products[i + 1] + ((links >> (i + 1) & 1) != 0 ? products[i] : 0.0F) +
                  ((links >> (i + 2) & 1) != 0 ? products[i + 2] : 0.0F);
      }
    }
    // The score's row is the one before the step's. It has a patch where a position is.
    const int64_t flat =
        (int64_t{step.row} - 1 - int64_t{step.query_part} * shape.h) * shape.w + step.query_part + query_lane;
    const unsigned own = bits_between(-flat, int64_t{shape.h} * shape.w - flat);
    float scores[kRun + 3];
#pragma unroll
    for (int i = 0; i < kRun + 3; ++i) {
      scores[i] = (own >> (i + 1) & 1) != 0 ? (pair[i] + rows[i]) * inverse[i + 1] : 0.0F;
      pair[i] = last[i] + rows[i];
      last[i] = rows[i];
    }
    if (!shape.fuse) {
#pragma unroll
      for (int i = 0; i < kRun + 1; ++i) sums[i] = scores[i + 1];
      return;
    }
    if (step.row < step.stretch_begin + 2) return;
#pragma unroll
    for (int i = 0; i < kRun + 1; ++i) {
      float sum = scores[i + 1] + scores[i] + scores[i + 2];
      // In order of columns nothing is above the first position and below the last.
      if (step.stretch != 1) {
        const int x = query_lane + i + 2;
        const int k = key_lane + i + 2;
        if ((step.query_part < 0 && x == 0) || (step.query_part > 0 && x == shape.w - 1) ||
            (step.key_part < 0 && k == 0) || (step.key_part > 0 && k == shape.w - 1))
          sum = 0;
      }
      sums[i] = fuse_pair[i] + sum;
      fuse_pair[i] = fuse_last[i] + sum;
      fuse_last[i] = sum;
    }
  }
};

// Bits of kRun + 1 keys from column k of the row that the step finishes: which of them are valid.
__device__ __forceinline__ unsigned valid_keys(const ScoreShared& shared, int key_column, int k) {
  const int bit = k + 32 - 32 * first_valid_word(key_column);
  const uint32_t* words = shared.valid + bit / 32;
  return static_cast<unsigned>((uint64_t{words[1]} << 32 | words[0]) >> (bit % 32));
}

// What a step's sums are multiplied with: the norms of the patches of the row before, whose scores it
// completes, and what turns row `finished` (or -1) into weights. By warps that do not multiply; t counts
// their threads.
constexpr int kFetching = kProductWarps * 32;
static_assert(kWalkThreads - kFetching >= kTileKeys && kQueries < 32 && kTileKeys >= 32 + kValidWords);

template <bool kWithOffsets>
__device__ __forceinline__ void fetch(const ScoreArguments& arguments, ScoreShared& shared, const Note& note,
                                      int finished, int query_column, int key_column, int t) {
  if (t >= kTileKeys) return;
  const int lanes = arguments.shape.lanes;
  const int lane = key_column - kBefore + kMargin + t;
  const int row = grid_row(note.step.row + note.walk.delta, note.step.key_part) - 1;
  const bool there = lane >= 0 && lane < lanes && row >= 0;
  shared.inverse[kGramSlack + t] = there ? __ldg(arguments.inverse + int64_t{row} * lanes + lane) : 0.0F;
  if (finished < 0) return;
  if (kWithOffsets && t <= kQueries) {
    shared.offsets[t] =
        __ldg(arguments.offsets + int64_t{finished} * arguments.offset_pitch + query_column + t);
  }
  if (t >= 32 && t < 32 + kValidWords) {
    shared.valid[t - 32] =
        __ldg(arguments.valid + int64_t{finished + note.walk.delta} * arguments.valid_words +
              first_valid_word(key_column) + t - 32);
  }
}

// Calls finish(walk, v, sums) in every thread with each finished row v, and end_walk(walk) after each walk.
template <Precision kPrecision, bool kWithOffsets, class MakeWalk, class Finish, class EndWalk>
__device__ __forceinline__ void walk_diagonals(const ScoreArguments& arguments, ScoreShared& shared,
                                               const MakeWalk& make, int delta_begin, int delta_end,
                                               int query_column, int key_column, Run& run,
                                               const Finish& finish, const EndWalk& end_walk) {
  const Shape& shape = arguments.shape;
  const int thread = static_cast<int>(threadIdx.x);
  const int warp = thread / 32;
  const int lane = thread % 32;
  using T = Storage<kPrecision>;
  const int row_bytes = shape.depth * static_cast<int>(sizeof(T));

  // Neighbours of the tile that runs read and do not use.
  if (thread < kGramSlack) {
    shared.gram[thread] = shared.gram[kGramSlack + kTileQueries * kTileKeys + thread] = 0;
    shared.inverse[thread] = shared.inverse[kGramSlack + kTileKeys + thread] = 0;
  }

  Loader<MakeWalk> loader{make,
                          shape,
                          static_cast<const char*>(arguments.queries),
                          static_cast<const char*>(arguments.keys),
                          row_bytes,
                          query_column - kBefore + kMargin,
                          key_column - kBefore + kMargin,
                          delta_end};
  loader.begin(shared, delta_begin);
#pragma unroll 1
  for (int i = 0; i < kStages - 1; ++i) {
    __syncthreads();
    loader.load(shared);
  }
  __syncthreads();

  int stage = 0;
  for (int i = 0; !shared.notes[i].is_end; i = i + 1 == kNotes ? 0 : i + 1) {
    const Note& note = shared.notes[i];
    const Step step = note.step;
    if (step.row == step.stretch_begin) {
      if (step.stretch == (note.walk.wraps_before != 0 ? 0 : 1)) run.begin_walk();
      run.begin_stretch(step, shape.w);
    }

    const int finished = step.row - (shape.fuse ? 2 : 1);
    const bool finishes =
        step.row >= step.stretch_begin + 2 && finished >= note.walk.first && finished <= note.walk.last;
    float products[1][kProductKeys][4] = {};
#pragma unroll 1
    for (int at = 0; at < row_bytes; at += kChunk) {
      copies_wait<kStages - 2>();
      __syncthreads();
      loader.load(shared);
      if (at == 0 && thread >= kFetching) {
        fetch<kWithOffsets>(arguments, shared, note, finishes ? finished : -1, query_column, key_column,
                            thread - kFetching);
      }
      if (warp < kProductWarps) {
        const char* queries = shared.stages[stage];
        const char* keys = queries + kTileQueries * kChunk;
        multiply_step<kPrecision>(products, queries, warp % 2 * 16, keys, warp / 2 * (8 * kProductKeys), 0,
                                  lane);
        if (at + kStep < row_bytes)
          multiply_step<kPrecision>(products, queries, warp % 2 * 16, keys, warp / 2 * (8 * kProductKeys), 1,
                                    lane);
      }
      stage = stage + 1 == kStages ? 0 : stage + 1;
    }
    if (warp < kProductWarps) {
      float* gram = shared.gram + kGramSlack + (warp % 2 * 16 + lane / 4) * kTileKeys +
                    warp / 2 * (8 * kProductKeys) + lane % 4 * 2;
#pragma unroll
      for (int n = 0; n < kProductKeys; ++n) {
        *reinterpret_cast<float2*>(gram + 8 * n) = make_float2(products[0][n][0], products[0][n][1]);
        *reinterpret_cast<float2*>(gram + 8 * kTileKeys + 8 * n) =
            make_float2(products[0][n][2], products[0][n][3]);
      }
    }
    __syncthreads();

    float sums[kRun + 1] = {};
    run.add(shared, step, shape, sums);
    if (finishes) finish(note.walk, finished, sums);
    if (note.is_last) end_walk(note.walk);
  }
  copies_wait<0>();
}

// The place of a thread's run in the tile.
__device__ __forceinline__ Run place_run(int query_column, int key_column) {
  Run run;
  const int diagonal = static_cast<int>(threadIdx.x) % kDiagonals - (kRun - 1);
  run.query = static_cast<int>(threadIdx.x) / kDiagonals * kRun;
  run.has_diagonal = diagonal < kKeys;
  run.key = run.has_diagonal ? diagonal : kKeys - 1;
  run.query_lane = query_column + run.query - kBefore;
  run.key_lane = key_column + run.key - kBefore;
  return run;
}

}  // namespace infill::cuda::attention
