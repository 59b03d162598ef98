// What the user asked for.
#pragma once

#include <infill.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {

// What every command with a network takes.
struct EngineArguments {
  std::filesystem::path model;  // empty: not given, as with all files
  infill_precision precision = INFILL_PRECISION_AUTO;
  infill_device_type device_type = INFILL_DEVICE_CPU;
  int device_index = 0;
  int threads = 0;            // 0: one per core
  uint64_t memory_limit = 0;  // bytes; 0: none
};

struct FillArguments : EngineArguments {
  std::filesystem::path image, mask, output, preview;
  infill_method method = INFILL_METHOD_AUTO;
  infill_quality quality = INFILL_QUALITY_DEFAULT;
  std::vector<std::pair<std::string, double>> parameters;
  uint64_t seed = 0;

  int grow = 0, feather = 0;  // pixels
  bool invert_mask = false;
  bool soft_mask = false;
  int threshold = 128;  // luminance of 0..255 from which on a pixel is a hole
  bool threshold_given = false;
  std::vector<infill_rect> boxes;  // in the picture as displayed
  int jpeg_quality = 95;

  uint64_t max_pixels = 500'000'000;
  std::filesystem::path manifest;
  uint32_t shard = 1, shard_count = 1;
  bool force = false;
};

// infill model run
struct RunArguments : EngineArguments {
  std::filesystem::path inputs, outputs;
};

// The value of a flag.
constexpr std::string_view kOn = "on", kOff = "off";

template <class Arguments>
struct OptionOf {
  std::string_view name;  // "--grow"
  char letter;            // 'm' for -m; 0: none
  const char* value;      // what the help calls its value; null: a flag
  const char* help;       // lines of the help
  bool in_manifest;       // may stand in a line of a manifest, without the dashes
  void (*apply)(Arguments& arguments, std::string_view value);
};
using Option = OptionOf<FillArguments>;
using RunOption = OptionOf<RunArguments>;

[[nodiscard]] std::span<const Option> options();
[[nodiscard]] std::span<const RunOption> run_options();

// The words after `infill fill`. Throws Failure kUsage, naming the option and its value.
[[nodiscard]] FillArguments parse_fill(std::span<char* const> words);

// The same of the words after `infill model run`.
[[nodiscard]] RunArguments parse_run(std::span<char* const> words);

// Throws kUsage for options that contradict each other.
void check_consistency(const FillArguments& arguments);

}  // namespace cli
