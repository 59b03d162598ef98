// What the checker found.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cudasim/site.h"

namespace infill::cudasim {

enum class Rule : uint8_t {
  kOutOfBounds,       // outside of every allocation, or of the array meant
  kUseAfterFree,      // of device memory
  kInvalidFree,       // of what is no allocation, or not any more
  kMisaligned,        // address is no multiple of the access's size
  kUninitialised,     // read before anyone wrote
  kRace,              // two accesses, one of them a write, without synchronisation between
  kAsyncCopy,         // cp.async: destination used before the wait, or never waited for
  kDivergentBarrier,  // threads of a block do not meet at the same barriers
  kWarpMask,          // lanes of a warp do not meet in the same collective
  kDeadlock,          // threads wait for ever
  kLaunch,            // a launch that a device refuses
  kTrap,              // the kernel gave up itself
  kHostUse,           // the host uses a handle or memory that it must not
};

const char* name_of(Rule rule);

struct Finding {
  Rule rule;
  std::string text;  // one line: rule, kernel, block, thread, what, where
  int64_t count;     // times it happened
};

// Counts a finding, and prints it when it is the first of this rule at this place in this kernel.
void report(Rule rule, const Site& site, const std::string& what);

// Kinds of findings since the last call, which forgets them: 0 is a clean run.
std::vector<Finding> take_findings();
int64_t count_findings();

// file:line of a place, or module+offset where there is no debug information.
std::string describe(const Site& site);

}  // namespace infill::cudasim
