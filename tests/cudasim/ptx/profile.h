// Counts of what translated kernels did: operations, and how well their accesses fit banks and sectors.
//
// CUDASIM_PROFILE=FILE turns it on; the program's end writes FILE, one JSON object (profile.py reads it).
//
// Operations are exact: every basic block counts how often a lane executed it. Accesses are looked at in up
// to 64 blocks of a launch, evenly spread. The lanes of a warp that execute an access in the same iteration
// of all loops round it make one request (translator/flow.py).
//   shared: wavefronts of a request = the largest number of different 4-byte words in one bank; 8-byte
//   accesses are
//           served in two halves of a warp, 16-byte ones (ldmatrix: rows of a matrix) in quarters; ideal: one
//           for each.
//   global: 32-byte sectors that a request touches, and how few could hold the bytes that it uses.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "cudasim/ptx/kernel.h"

namespace infill::cudasim::ptx {

struct AccessCount {
  int64_t requests = 0;
  int64_t wavefronts = 0, ideal_wavefronts = 0;  // shared
  int64_t sectors = 0, needed_sectors = 0;       // global
};

// The addresses of the lanes of a warp, one request of `bytes` a lane.
struct Request {
  uint32_t lanes = 0;
  std::array<uint64_t, 32> addresses{};
};
void count_shared(const Request& request, unsigned bytes, AccessCount& count);
void count_global(const Request& request, unsigned bytes, AccessCount& count);

class Profile {
 public:
  Profile();
  ~Profile();
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  [[nodiscard]] bool is_enabled() const { return !file_.empty(); }
  // One lane's access in the block that runs.
  void record(const AccessSite& site, uint64_t address, uint64_t iteration);
  // Launch::on_block_end
  static void end_block();

 private:
  struct Key {
    const AccessSite* site;
    uint64_t iteration;
    unsigned warp;
    bool operator==(const Key& other) const {
      return site == other.site && iteration == other.iteration && warp == other.warp;
    }
  };
  struct Hash {
    size_t operator()(const Key& key) const;
  };

  void count(const AccessSite& site, const Request& request);
  void finish_block();
  void write() const;

  std::string file_;
  std::unordered_map<Key, Request, Hash> requests_;
  // Generic accesses may be of either kind.
  static constexpr unsigned kGlobal = 0, kShared = 1;
  std::map<const AccessSite*, std::array<AccessCount, 2>> counts_;
  std::map<std::string, int64_t> launches_;
  bool block_begins_ = true;
  bool recording_ = false;
};

Profile& profile();

}  // namespace infill::cudasim::ptx
