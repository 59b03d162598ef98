#include "batch.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "fill.h"
#include "terminal.h"

namespace cli {
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr std::array<const char*, 6> kExtensions{".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp"};

bool has_picture_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

// The pictures of a folder in the order of their names, the same on every machine.
std::vector<fs::path> pictures_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const bool hidden = entry.path().filename().string().front() == '.';
    if (!hidden && entry.is_regular_file() && has_picture_extension(entry.path()))
      files.push_back(entry.path());
  }
  if (error) fail(kInput, folder.string(), ": ", error.message());
  std::sort(files.begin(), files.end());
  return files;
}

// What to do, and what keeps it from being done (empty: nothing known).
struct Job {
  FillArguments arguments;
  std::string problem;
};

std::vector<Job> jobs_of_folder(const FillArguments& common) {
  const std::vector<fs::path> pictures = pictures_in(common.image);
  if (pictures.empty()) fail(kInput, common.image.string(), ": holds no .png, .jpg, .tif or .webp");
  std::error_code error;
  for (const fs::path& folder : {common.output, common.preview}) {
    if (!folder.empty() && !fs::is_directory(folder, error) && !fs::create_directory(folder, error)) {
      fail(kOutput, folder.string(),
           ": the folder cannot be made: ", error ? error.message() : "not a folder");
    }
  }
  if (fs::equivalent(common.image, common.output, error)) {
    fail(kUsage, "--output: ", common.output.string(), " is the folder of the pictures; give another one");
  }
  std::map<std::string, std::vector<fs::path>> masks;
  const bool many_masks = fs::is_directory(common.mask, error);
  if (many_masks) {
    for (const fs::path& mask : pictures_in(common.mask)) masks[mask.stem().string()].push_back(mask);
  }
  std::vector<Job> jobs;
  for (const fs::path& picture : pictures) {
    Job job{common, {}};
    job.arguments.image = picture;
    job.arguments.output = common.output / picture.filename();
    // The whole name: a.jpg and a.png may stand side by side.
    if (!common.preview.empty()) {
      job.arguments.preview = common.preview / (picture.filename().string() + ".png");
    }
    if (many_masks) {
      const auto& found = masks[picture.stem().string()];
      if (found.size() == 1) {
        job.arguments.mask = found.front();
      } else if (found.empty()) {
        job.problem = text("no mask ", picture.stem().string(), ".* in ", common.mask.string());
      } else {
        job.problem = text("two masks: ", found[0].string(), " and ", found[1].string());
      }
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

std::string text_of(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// One "name": value of a manifest, which is the option --name.
void apply(FillArguments& arguments, const std::string& name, const json& value) {
  if (name == "image") {
    arguments.image = value.get<std::string>();
    return;
  }
  const auto all = options();
  const auto option = std::find_if(all.begin(), all.end(), [&](const Option& each) {
    return each.in_manifest && each.name.substr(2) == name;
  });
  if (option == all.end()) fail(kInput, "\"", name, "\" is no key of a manifest");
  if (value.is_null()) fail(kInput, "\"", name, "\" is null; leave it out");
  if (option->value == nullptr) {
    option->apply(arguments, value.get<bool>() ? kOn : kOff);
  } else if (value.is_array() && !value.empty() && value[0].is_number()) {  // a box
    std::string list;
    for (const json& each : value) list.append(list.empty() ? "" : ",").append(text_of(each));
    option->apply(arguments, list);
  } else if (value.is_array()) {
    for (const json& each : value) apply(arguments, name, each);
  } else {
    option->apply(arguments, text_of(value));
  }
}

std::vector<Job> jobs_of_manifest(const FillArguments& common) {
  std::ifstream file(common.manifest);
  if (!file) fail(kInput, common.manifest.string(), ": cannot be read");
  const fs::path folder = common.manifest.parent_path();
  std::vector<Job> jobs;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    Job job{common, {}};
    FillArguments& arguments = job.arguments;
    arguments.manifest.clear();
    try {
      for (const auto& [name, value] : json::parse(line).get<std::map<std::string, json>>()) {
        if (name == "box") arguments.boxes.clear();  // in place of the command line's
        apply(arguments, name, value);
      }
      check_consistency(arguments);
    } catch (const json::exception& problem) {
      fail(kInput, common.manifest.string(), ":", number, ": ", problem.what());
    } catch (const Failure& problem) {
      fail(kInput, common.manifest.string(), ":", number, ": ", problem.what());
    }
    for (fs::path* path : {&arguments.image, &arguments.mask, &arguments.output, &arguments.preview}) {
      if (!path->empty()) *path = folder / *path;
    }
    jobs.push_back(std::move(job));
  }
  if (file.bad()) fail(kInput, common.manifest.string(), ": cannot be read");
  std::set<fs::path> written;
  for (const Job& job : jobs) {
    for (const fs::path& path : {job.arguments.output, job.arguments.preview}) {
      if (!path.empty() && !written.insert(path.lexically_normal()).second) {
        fail(kInput, common.manifest.string(), ": two lines write ", path.string());
      }
    }
  }
  return jobs;
}

// An output appears whole or not at all, so one that is newer than what it was made from is done. Of a
// picture that is filled in place nobody can tell.
bool up_to_date(const FillArguments& arguments) {
  std::error_code error;
  if (fs::equivalent(arguments.image, arguments.output, error)) return false;
  const auto made = fs::last_write_time(arguments.output, error);
  if (error) return false;
  for (const fs::path& source : {arguments.image, arguments.mask}) {
    if (source.empty()) continue;
    const auto changed = fs::last_write_time(source, error);
    if (error || changed > made) return false;
  }
  return true;
}

}  // namespace

bool is_batch(const FillArguments& arguments) {
  std::error_code error;
  return !arguments.manifest.empty() || fs::is_directory(arguments.image, error);
}

ExitCode fill_batch(infill_context* context, const infill_model* model, const FillArguments& arguments) {
  (void)make_session(context, model, arguments);  // a wrong --set is wrong for every picture
  const std::vector<Job> jobs =
      arguments.manifest.empty() ? jobs_of_folder(arguments) : jobs_of_manifest(arguments);
  size_t filled = 0;
  size_t skipped = 0;
  size_t failed = 0;
  for (size_t i = arguments.shard - 1; i < jobs.size(); i += arguments.shard_count) {
    const Job& job = jobs[i];
    check_interrupted();
    try {
      if (!job.problem.empty()) fail(kInput, job.arguments.image.string(), ": ", job.problem);
      if (!arguments.force && up_to_date(job.arguments)) {
        ++skipped;
        continue;
      }
      fill_picture(context, model, job.arguments);
      ++filled;
    } catch (const Failure& problem) {
      if (problem.code() == kInterrupted) throw;
      say(problem.what());
      ++failed;
    } catch (const std::exception& problem) {
      say(text(job.arguments.image.string(), ": ", problem.what()));
      ++failed;
    }
  }
  if (failed > 0 || stderr_is_terminal()) {
    say(text(filled, " filled, ", skipped, " up to date, ", failed, " failed"));
  }
  return failed > 0 ? kSomeFailed : kDone;
}

}  // namespace cli
