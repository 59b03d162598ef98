#include "cudasim/report.h"

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <memory>
#include <sstream>

#include "cudasim/options.h"
#include "cudasim/thread.h"

namespace infill::cudasim {
namespace {

struct Entry {
  Finding finding;
  Site site;
  const char* kernel;
};

std::vector<Entry>& entries() {
  static std::vector<Entry> the_entries;
  return the_entries;
}

struct CloseProcess {
  void operator()(FILE* pipe) const { pclose(pipe); }
};

// "file:line" as addr2line says it, or empty.
std::string line_of(const std::string& module, uintptr_t offset) {
  std::ostringstream command;
  command << "addr2line -e '" << module << "' 0x" << std::hex << offset << " 2>/dev/null";
  const std::unique_ptr<FILE, CloseProcess> pipe(popen(command.str().c_str(), "r"));
  std::array<char, 4096> line{};
  if (!pipe || std::fgets(line.data(), line.size(), pipe.get()) == nullptr) return {};
  std::string result(line.data());
  result = result.substr(0, result.find_first_of(" \n"));
  return result.empty() || result[0] == '?' ? std::string() : result;
}

std::string who() {
  if (current == nullptr) return "host";
  std::ostringstream out;
  const Index3 b = launch_context.block_index;
  const Index3 t = current->index;
  out << "kernel " << launch_context.kernel << " block (" << b.x << "," << b.y << "," << b.z << ") thread ("
      << t.x << "," << t.y << "," << t.z << ")";
  return out.str();
}

}  // namespace

const char* name_of(Rule rule) {
  switch (rule) {
    case Rule::kOutOfBounds:
      return "out of bounds";
    case Rule::kUseAfterFree:
      return "use after free";
    case Rule::kInvalidFree:
      return "invalid free";
    case Rule::kMisaligned:
      return "misaligned";
    case Rule::kUninitialised:
      return "uninitialised";
    case Rule::kRace:
      return "race";
    case Rule::kAsyncCopy:
      return "asynchronous copy";
    case Rule::kDivergentBarrier:
      return "divergent barrier";
    case Rule::kWarpMask:
      return "warp mask";
    case Rule::kDeadlock:
      return "deadlock";
    case Rule::kLaunch:
      return "launch";
    case Rule::kTrap:
      return "trap";
    case Rule::kHostUse:
      return "host use";
  }
  return "?";
}

std::string describe(const Site& site) {
  std::ostringstream out;
  if (site.file != nullptr) {
    out << site.file << ":" << site.line;
  } else if (site.pc != nullptr) {
    const auto pc = reinterpret_cast<uintptr_t>(site.pc);
    Dl_info info{};
    if (dladdr(site.pc, &info) == 0) {
      out << "0x" << std::hex << pc;
      return out.str();
    }
    const uintptr_t offset = pc - reinterpret_cast<uintptr_t>(info.dli_fbase);
    const std::string line = line_of(info.dli_fname, offset - 1);
    if (!line.empty()) return line;
    out << info.dli_fname << "+0x" << std::hex << offset;
  } else {
    out << "no line known";
  }
  return out.str();
}

void report(Rule rule, const Site& site, const std::string& what) {
  const char* kernel = current != nullptr ? launch_context.kernel : nullptr;
  for (Entry& entry : entries()) {
    if (entry.finding.rule == rule && entry.site == site && entry.kernel == kernel) {
      ++entry.finding.count;
      return;
    }
  }
  std::string text = std::string(name_of(rule)) + ": " + who() + ": " + what + " [" + describe(site) + "]";
  if (entries().size() < static_cast<size_t>(options().most_reports)) {
    std::fprintf(stderr, "cudasim: %s\n", text.c_str());
  }
  entries().push_back(Entry{Finding{rule, std::move(text), 1}, site, kernel});
}

std::vector<Finding> take_findings() {
  std::vector<Finding> result;
  for (Entry& entry : entries()) result.push_back(std::move(entry.finding));
  entries().clear();
  return result;
}

int64_t count_findings() {
  return static_cast<int64_t>(entries().size());
}

}  // namespace infill::cudasim
