// The profile as JSON; profile_report.py reads it.
#include <fstream>
#include <tuple>

#include "cudasim/ptx/profile.h"

namespace infill::cudasim::ptx {
namespace {

std::string quoted(const std::string& text) {
  std::string result(1, '"');
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

// An object or a list of one, with commas between the members.
class Json {
 public:
  Json(std::ostream& out, char opening, char closing) : out_(out), closing_(closing) { out_ << opening; }
  Json(const Json&) = delete;
  Json& operator=(const Json&) = delete;
  ~Json() { out_ << closing_; }

  std::ostream& member() {
    if (any_) out_ << ",\n";
    any_ = true;
    return out_;
  }
  std::ostream& member(const char* name) { return member() << quoted(name) << ": "; }

 private:
  std::ostream& out_;
  char closing_;
  bool any_ = false;
};

const char* name_of(Access access) {
  switch (access) {
    case Access::kRead:
      return "read";
    case Access::kWrite:
      return "write";
    case Access::kAtomic:
      return "atomic";
  }
  return "?";
}

void write_place(Json& object, const std::string& file, int line) {
  object.member("file") << quoted(file);
  object.member("line") << line;
}

void write_operations(std::ostream& out, const Kernel& kernel) {
  std::map<std::tuple<std::string, int, Operation>, uint64_t> operations;
  for (size_t f = 0; f < kernel.function_count; ++f) {
    const FunctionTables& tables = kernel.functions[f];
    for (size_t i = 0; i < tables.work_count; ++i) {
      const Work& work = tables.work[i];
      operations[{work.place.file, work.place.line, work.operation}] +=
          tables.blocks[work.block] * work.count;
    }
  }
  Json list(out, '[', ']');
  for (const auto& [key, number] : operations) {
    if (number == 0) continue;
    const auto& [file, line, operation] = key;
    Json object(list.member(), '{', '}');
    write_place(object, file, line);
    object.member("operation") << quoted(kOperationNames[static_cast<size_t>(operation)]);
    object.member("count") << number;
  }
}

void write_access(std::ostream& out, const AccessSite& site, const char* space, const AccessCount& count) {
  Json object(out, '{', '}');
  write_place(object, site.place.file, site.place.line);
  object.member("space") << quoted(space);
  object.member("access") << quoted(name_of(site.access));
  object.member("bytes") << site.bytes;
  object.member("requests") << count.requests;
  object.member("wavefronts") << count.wavefronts;
  object.member("ideal_wavefronts") << count.ideal_wavefronts;
  object.member("sectors") << count.sectors;
  object.member("needed_sectors") << count.needed_sectors;
}

}  // namespace

void Profile::write() const {
  std::ofstream out(file_);
  Json top(out, '{', '}');
  Json list(top.member("kernels"), '[', ']');
  for (const Kernel* kernel : kernels()) {
    Json object(list.member(), '{', '}');
    const auto launches = launches_.find(kernel->name);
    object.member("name") << quoted(kernel->name);
    object.member("launches") << (launches == launches_.end() ? 0 : launches->second);
    write_operations(object.member("operations"), *kernel);
    Json accesses(object.member("accesses"), '[', ']');
    for (size_t f = 0; f < kernel->function_count; ++f) {
      const FunctionTables& tables = kernel->functions[f];
      for (size_t i = 0; i < tables.site_count; ++i) {
        const auto found = counts_.find(&tables.sites[i]);
        if (found == counts_.end()) continue;
        for (const unsigned space : {kGlobal, kShared}) {
          const AccessCount& count = found->second[space];
          if (count.requests == 0) continue;
          write_access(accesses.member(), tables.sites[i], space == kShared ? "shared" : "global", count);
        }
      }
    }
  }
}

}  // namespace infill::cudasim::ptx
