#include "cudasim/collectives.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "cudasim/execution.h"
#include "cudasim/ordering.h"
#include "cudasim/report.h"
#include "cudasim/warp.h"

namespace infill::cudasim {
namespace {

struct ShuffleRequest {
  std::array<std::byte, 32> value;
  unsigned source;
};

void complete_shuffle(Warp& warp, uint32_t lanes) {
  for (uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    const unsigned source = warp.in[lane].as<ShuffleRequest>().source;
    const unsigned from = source == kOwnLane ? lane : source;
    if ((lanes >> from & 1) == 0) {
      warp.out[lane].bytes.fill(std::byte{0xFF});
      report(Rule::kWarpMask, Site(),
             "lane " + std::to_string(lane) + " shuffles from lane " + std::to_string(from) +
                 ", which does not take part");
    } else {
      std::memcpy(warp.out[lane].bytes.data(), warp.in[from].bytes.data(), sizeof(ShuffleRequest::value));
    }
  }
}

void complete_ballot(Warp& warp, uint32_t lanes) {
  uint32_t votes = 0;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((lanes >> lane & 1) != 0 && warp.in[lane].as<bool>()) votes |= 1u << lane;
  }
  for (LanePayload& out : warp.out) out.as<uint32_t>() = votes;
}

void complete_match(Warp& warp, uint32_t lanes) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    uint32_t same = 0;
    for (unsigned other = 0; other < 32; ++other) {
      if ((lanes >> other & 1) != 0 && warp.in[other].as<uint64_t>() == warp.in[lane].as<uint64_t>()) {
        same |= 1u << other;
      }
    }
    warp.out[lane].as<uint32_t>() = same;
  }
}

struct ReduceRequest {
  uint32_t value;
  WarpReduce operation;
  bool is_signed;
};

uint32_t combine(uint32_t a, uint32_t b, const ReduceRequest& request) {
  const bool less = request.is_signed ? static_cast<int32_t>(a) < static_cast<int32_t>(b) : a < b;
  switch (request.operation) {
    case WarpReduce::kAdd:
      return a + b;
    case WarpReduce::kMin:
      return less ? a : b;
    case WarpReduce::kMax:
      return less ? b : a;
    case WarpReduce::kAnd:
      return a & b;
    case WarpReduce::kOr:
      return a | b;
    case WarpReduce::kXor:
      return a ^ b;
  }
  return 0;
}

void complete_reduce(Warp& warp, uint32_t lanes) {
  const auto first = static_cast<unsigned>(std::countr_zero(lanes));
  uint32_t result = warp.in[first].as<ReduceRequest>().value;
  for (unsigned lane = first + 1; lane < 32; ++lane) {
    if ((lanes >> lane & 1) == 0) continue;
    const auto& request = warp.in[lane].as<ReduceRequest>();
    result = combine(result, request.value, request);
  }
  for (LanePayload& out : warp.out) out.as<uint32_t>() = result;
}

void complete_sync(Warp&, uint32_t lanes) {
  ordering.warp_barrier(current->warp, lanes);
}

}  // namespace

void sync_block(const Site& site) {
  running_block()->barrier(0, 0, site);
}

void sync_barrier(int id, unsigned threads, const Site& site) {
  running_block()->barrier(id, threads, site);
}

int sync_block_reduce(int predicate, ReduceAll reduce, const Site& site) {
  const int votes = running_block()->barrier_votes(predicate != 0, site);
  const int voters = static_cast<int>(running_block()->live());
  switch (reduce) {
    case ReduceAll::kCount:
      return votes;
    case ReduceAll::kAnd:
      return votes == voters ? 1 : 0;
    case ReduceAll::kOr:
      return votes != 0 ? 1 : 0;
  }
  return 0;
}

void sync_warp(uint32_t mask, const Site& site) {
  meet(Collective::kSync, mask, nullptr, 0, complete_sync, site);
}

void fence() {
  ordering.fence();
}

uint32_t active_lanes() {
  return running_block()->warp_of(*current).live;
}

void shuffle(uint32_t mask, void* value, size_t bytes, unsigned source, const Site& site) {
  ShuffleRequest request{};
  std::memcpy(request.value.data(), value, bytes);
  request.source = source;
  const LanePayload& out = meet(Collective::kShuffle, mask, &request, sizeof request, complete_shuffle, site);
  std::memcpy(value, out.bytes.data(), bytes);
}

uint32_t ballot(uint32_t mask, bool predicate, const Site& site) {
  return meet(Collective::kVote, mask, &predicate, sizeof predicate, complete_ballot, site).as<uint32_t>();
}

uint32_t match_any(uint32_t mask, uint64_t value, const Site& site) {
  return meet(Collective::kMatch, mask, &value, sizeof value, complete_match, site).as<uint32_t>();
}

uint32_t reduce(uint32_t mask, uint32_t value, WarpReduce operation, bool is_signed, const Site& site) {
  const ReduceRequest request{value, operation, is_signed};
  return meet(Collective::kReduce, mask, &request, sizeof request, complete_reduce, site).as<uint32_t>();
}

void trap(const Site& site, const char* why) {
  running_block()->trap(site, why);
}

}  // namespace infill::cudasim
