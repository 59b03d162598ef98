#include "cudasim/ptx/profile.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "cudasim/ptx/isa/memory.h"
#include "cudasim/thread.h"

namespace infill::cudasim::ptx {
namespace {

constexpr int64_t kSampledBlocks = 64;
constexpr unsigned kBanks = 32, kBankBytes = 4, kSectorBytes = 32;

// Whether the block that runs is one of those that are looked at.
bool is_sampled() {
  const Index3& grid = launch_context.grid_size;
  const Index3& block = launch_context.block_index;
  const int64_t total = int64_t{grid.x} * grid.y * grid.z;
  const int64_t number = (int64_t{block.z} * grid.y + block.y) * grid.x + block.x;
  return total <= kSampledBlocks ||
         number * kSampledBlocks / total != (number - 1) * kSampledBlocks / total || number == 0;
}

bool is_last_block() {
  const Index3& grid = launch_context.grid_size;
  const Index3& block = launch_context.block_index;
  return block.x + 1 == grid.x && block.y + 1 == grid.y && block.z + 1 == grid.z;
}

size_t count_distinct(std::vector<uint64_t>& values) {
  std::sort(values.begin(), values.end());
  return static_cast<size_t>(std::unique(values.begin(), values.end()) - values.begin());
}

}  // namespace

void count_shared(const Request& request, unsigned bytes, AccessCount& count) {
  const unsigned lanes_at_once = std::min(32u, kBanks * kBankBytes / std::max(bytes, kBankBytes));
  ++count.requests;
  for (unsigned first = 0; first < 32; first += lanes_at_once) {
    std::array<std::vector<uint64_t>, kBanks> words;
    bool any = false;
    for (unsigned lane = first; lane < first + lanes_at_once; ++lane) {
      if ((request.lanes >> lane & 1) == 0) continue;
      any = true;
      const uint64_t address = request.addresses[lane];
      for (uint64_t word = address / kBankBytes; word <= (address + bytes - 1) / kBankBytes; ++word) {
        words[word % kBanks].push_back(word);
      }
    }
    if (!any) continue;
    size_t most = 1;
    for (auto& bank : words) most = std::max(most, count_distinct(bank));
    count.wavefronts += static_cast<int64_t>(most);
    ++count.ideal_wavefronts;
  }
}

void count_global(const Request& request, unsigned bytes, AccessCount& count) {
  std::vector<uint64_t> sectors, used;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if ((request.lanes >> lane & 1) == 0) continue;
    const uint64_t address = request.addresses[lane];
    for (uint64_t byte = address; byte < address + bytes; ++byte) {
      used.push_back(byte);
      sectors.push_back(byte / kSectorBytes);
    }
  }
  ++count.requests;
  count.sectors += static_cast<int64_t>(count_distinct(sectors));
  count.needed_sectors += static_cast<int64_t>((count_distinct(used) + kSectorBytes - 1) / kSectorBytes);
}

size_t Profile::Hash::operator()(const Key& key) const {
  uint64_t mixed = reinterpret_cast<uint64_t>(key.site) ^ (key.iteration * 0x9E3779B97F4A7C15u) ^
                   (uint64_t{key.warp} << 56);
  mixed ^= mixed >> 29;
  return mixed * 0xBF58476D1CE4E5B9u;
}

Profile::Profile() {
  if (const char* file = std::getenv("CUDASIM_PROFILE")) file_ = file;
}

Profile::~Profile() {
  if (is_enabled()) write();
}

Profile& profile() {
  static Profile the_profile;
  return the_profile;
}

void Profile::record(const AccessSite& site, uint64_t address, uint64_t iteration) {
  if (block_begins_) {
    block_begins_ = false;
    recording_ = is_sampled();
  }
  if (!recording_) return;
  Request& request = requests_[Key{&site, iteration, current->warp}];
  const uint32_t lane = 1u << current->lane;
  if ((request.lanes & lane) != 0) {  // the same again, in a function that was called twice
    count(site, request);
    request.lanes = 0;
  }
  request.lanes |= lane;
  request.addresses[current->lane] = address;
}

void Profile::count(const AccessSite& site, const Request& request) {
  const int lane = __builtin_ctz(request.lanes);
  if (is_shared(request.addresses[static_cast<size_t>(lane)])) {
    count_shared(request, site.bytes, counts_[&site][kShared]);
  } else {
    count_global(request, site.bytes, counts_[&site][kGlobal]);
  }
}

void Profile::end_block() {
  profile().finish_block();
}

void Profile::finish_block() {
  for (const auto& [key, request] : requests_) count(*key.site, request);
  requests_.clear();
  block_begins_ = true;
  if (is_last_block()) ++launches_[launch_context.kernel];
}

}  // namespace infill::cudasim::ptx
