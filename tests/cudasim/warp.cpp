#include "cudasim/warp.h"

#include <bit>
#include <cstdio>
#include <cstring>
#include <string>

#include "cudasim/execution.h"
#include "cudasim/report.h"

namespace infill::cudasim {
namespace {

std::string hexadecimal(uint32_t mask) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08x", mask);
  return text.data();
}

void join(Warp::Meeting& meeting, Collective collective, uint32_t mask, const Site& site) {
  if (meeting.arrived == 0) {
    meeting.mask = mask;
    meeting.collective = collective;
    meeting.site = site;
    return;
  }
  if (meeting.mask != mask) {
    report(Rule::kWarpMask, site,
           "mask " + hexadecimal(mask) + ", lanes wait with " + hexadecimal(meeting.mask) + " at " +
               describe(meeting.site));
    meeting.mask |= mask;
  }
  const bool aligned = collective == Collective::kMatrixLoad || collective == Collective::kMatrixProduct;
  if (meeting.collective != collective || (aligned && meeting.site != site)) {
    report(Rule::kWarpMask, site,
           std::string(name_of(collective)) + " meets " + name_of(meeting.collective) + " at " +
               describe(meeting.site));
  }
}

}  // namespace

const char* name_of(Collective collective) {
  switch (collective) {
    case Collective::kSync:
      return "__syncwarp";
    case Collective::kShuffle:
      return "shuffle";
    case Collective::kVote:
      return "vote";
    case Collective::kReduce:
      return "reduce";
    case Collective::kMatch:
      return "match";
    case Collective::kMatrixLoad:
      return "ldmatrix";
    case Collective::kMatrixProduct:
      return "mma";
  }
  return "?";
}

LanePayload& meet(Collective collective, uint32_t mask, const void* payload, size_t bytes,
                  Completion complete, const Site& site) {
  Block& block = *running_block();
  const unsigned lane = current->lane;
  Warp& warp = block.warp_of(*current);
  if ((mask >> lane & 1) == 0) {
    report(Rule::kWarpMask, site,
           "lane " + std::to_string(lane) + " is not in its own mask " + hexadecimal(mask));
    mask |= 1u << lane;
  }
  Warp::Meeting& meeting = warp.meetings[static_cast<size_t>(std::countr_zero(mask))];
  join(meeting, collective, mask, site);
  meeting.arrived |= 1u << lane;
  if (bytes != 0) std::memcpy(warp.in[lane].bytes.data(), payload, bytes);
  if ((meeting.arrived & meeting.mask) != (meeting.mask & warp.live)) {
    block.wait(site);
    return warp.out[lane];
  }
  if ((meeting.mask & ~warp.live) != 0) {
    report(
        Rule::kWarpMask, site,
        "mask " + hexadecimal(meeting.mask) + " names lanes that ended, live are " + hexadecimal(warp.live));
  }
  const uint32_t lanes = meeting.arrived;
  meeting.arrived = 0;
  if (complete != nullptr) complete(warp, lanes);
  for (uint32_t others = lanes & ~(1u << lane); others != 0; others &= others - 1) {
    block.wake(current->warp * 32 + static_cast<unsigned>(std::countr_zero(others)));
  }
  return warp.out[lane];
}

void release_meetings_without(unsigned warp_index, Warp& warp) {
  for (Warp::Meeting& meeting : warp.meetings) {
    if (meeting.arrived == 0 || (meeting.arrived & meeting.mask) != (meeting.mask & warp.live)) continue;
    report(Rule::kWarpMask, meeting.site,
           "a lane ended while others wait for it, mask " + hexadecimal(meeting.mask));
    for (uint32_t lanes = meeting.arrived; lanes != 0; lanes &= lanes - 1) {
      running_block()->wake(warp_index * 32 + static_cast<unsigned>(std::countr_zero(lanes)));
    }
    meeting.arrived = 0;
  }
}

}  // namespace infill::cudasim
