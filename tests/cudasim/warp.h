// Collectives of a warp: lanes meet, the last one to come computes the result for all.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "cudasim/site.h"

namespace infill::cudasim {

enum class Collective : uint8_t { kSync, kShuffle, kVote, kReduce, kMatch, kMatrixLoad, kMatrixProduct };

const char* name_of(Collective collective);

struct alignas(16) LanePayload {
  static constexpr size_t kBytes = 64;
  std::array<std::byte, kBytes> bytes;

  template <class T>
  T& as() {
    static_assert(sizeof(T) <= kBytes);
    return *reinterpret_cast<T*>(bytes.data());
  }
};

struct Warp {
  struct Meeting {
    uint32_t mask = 0;
    uint32_t arrived = 0;
    Collective collective = Collective::kSync;
    Site site;
  };

  uint32_t live = 0;
  std::array<LanePayload, 32> in;
  std::array<LanePayload, 32> out;
  std::array<Meeting, 32> meetings;  // by lowest lane of the mask: waiting groups share no lane

  void reset() {
    live = 0;
    for (Meeting& meeting : meetings) meeting.arrived = 0;
  }
};

// Computes out[lane] of every lane in `lanes` from in[lane].
using Completion = void (*)(Warp& warp, uint32_t lanes);

// Meets the lanes of `mask`; returns this lane's result.
LanePayload& meet(Collective collective, uint32_t mask, const void* payload, size_t bytes,
                  Completion complete, const Site& site);

// Lanes that wait although one that they wait for has left: called when a lane ends.
void release_meetings_without(unsigned warp_index, Warp& warp);

}  // namespace infill::cudasim
