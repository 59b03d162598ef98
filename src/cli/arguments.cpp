#include "arguments.h"

#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "failure.h"

namespace cli {
namespace {

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int integer(const char* option, std::string_view text, int minimum, int maximum) {
  const auto value = number<int>(text);
  if (!value || *value < minimum || *value > maximum) {
    fail(kUsage, option, ": \"", text, "\" is not a whole number from ", minimum, " to ", maximum);
  }
  return *value;
}

// "2G" with step 1024 (bytes) or 1000 (pixels).
uint64_t amount(const char* option, std::string_view text, uint64_t step) {
  uint64_t unit = 1;
  std::string_view digits = text;
  const size_t power = digits.empty() ? std::string_view::npos : std::string_view("KMGT").find(digits.back());
  if (power != std::string_view::npos) {
    for (size_t i = 0; i <= power; ++i) unit *= step;
    digits.remove_suffix(1);
  }
  const auto value = number<uint64_t>(digits);
  if (!value || *value == 0 || *value > std::numeric_limits<int64_t>::max() / unit) {
    fail(kUsage, option, ": \"", text, "\" is not an amount like 500M or 2G");
  }
  return *value * unit;
}

infill_method method(std::string_view name) {
  if (name == "auto") return INFILL_METHOD_AUTO;
  std::string known = "auto";
  for (uint32_t i = 0; i < infill_method_count(); ++i) {
    infill_method_info info = INFILL_METHOD_INFO_INIT;
    if (infill_method_get_info(i, &info, nullptr) != INFILL_OK) continue;
    if (name == info.name) return info.method;
    known.append(", ").append(info.name);
  }
  if (name == "neural") return INFILL_METHOD_NEURAL;
  known.append(", neural");
  fail(kUsage, "--method: \"", name, "\" is none of ", known);
}

infill_quality quality(std::string_view name) {
  if (name == "fast") return INFILL_QUALITY_FAST;
  if (name == "balanced") return INFILL_QUALITY_BALANCED;
  if (name == "high") return INFILL_QUALITY_HIGH;
  fail(kUsage, "--quality: \"", name,
       "\" is none of fast, balanced, high (for JPEG files see --jpeg-quality)");
}

infill_precision precision(std::string_view name) {
  if (name == "f32") return INFILL_PRECISION_FLOAT32;
  if (name == "tf32") return INFILL_PRECISION_TFLOAT32;
  if (name == "bf16") return INFILL_PRECISION_BFLOAT16;
  if (name == "f16") return INFILL_PRECISION_FLOAT16;
  fail(kUsage, "--precision: \"", name, "\" is none of f32, tf32, bf16, f16");
}

// cpu, cuda or cuda:N
void device(EngineArguments& arguments, std::string_view text) {
  constexpr std::string_view kCuda = "cuda";
  arguments.device_type = INFILL_DEVICE_CPU;
  arguments.device_index = 0;
  if (text == "cpu") return;
  arguments.device_type = INFILL_DEVICE_CUDA;
  if (text == kCuda) return;
  const bool numbered = text.starts_with("cuda:");
  const auto index = numbered ? number<int32_t>(text.substr(kCuda.size() + 1)) : std::nullopt;
  if (!index || *index < 0)
    fail(kUsage, "--device: \"", text, "\" is none of cpu, cuda, cuda:N; see infill info");
  arguments.device_index = *index;
}

infill_rect box(std::string_view text) {
  std::array<int32_t, 4> values{};
  std::string_view rest = text;
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t comma = i + 1 < values.size() ? rest.find(',') : rest.size();
    const auto value = number<int32_t>(rest.substr(0, comma));
    if (!value || comma == std::string_view::npos) {
      fail(kUsage, "--box: \"", text, "\" is not x,y,width,height in pixels");
    }
    values.at(i) = *value;
    rest.remove_prefix(std::min(rest.size(), comma + 1));
  }
  const auto [x, y, width, height] = values;
  if (x < 0 || y < 0 || width < 1 || height < 1) {
    fail(kUsage, "--box: ", text, " has a negative corner or no area");
  }
  return {x, y, width, height};
}

std::pair<std::string, double> parameter(std::string_view text) {
  const size_t equals = text.find('=');
  const auto value =
      equals == std::string_view::npos ? std::nullopt : number<double>(text.substr(equals + 1));
  if (!value || equals == 0) fail(kUsage, "--set: \"", text, "\" is not NAME=NUMBER; see infill info");
  return {std::string(text.substr(0, equals)), *value};
}

void shard(FillArguments& arguments, std::string_view text) {
  const size_t slash = text.find('/');
  const auto index = number<uint32_t>(text.substr(0, slash));
  const auto count =
      slash == std::string_view::npos ? std::nullopt : number<uint32_t>(text.substr(slash + 1));
  if (!index || !count || *index < 1 || *index > *count) {
    fail(kUsage, "--shard: \"", text, "\" is not i/n with 1 <= i <= n");
  }
  arguments.shard = *index;
  arguments.shard_count = *count;
}

std::filesystem::path file(const char* option, std::string_view text) {
  if (text.empty()) fail(kUsage, option, ": the name is empty");
  return text;
}

using Arguments = FillArguments;
using Run = RunArguments;
using Text = std::string_view;

template <class A>
constexpr OptionOf<A> kPrecision = {
    "--precision",
    0,
    "P",
    "what the network computes in: f32 (default) or bf16, faster on\nsome CPUs; on CUDA also tf32 and f16",
    false,
    [](A& a, Text v) { a.precision = precision(v); }};
template <class A>
constexpr OptionOf<A> kDevice = {
    "--device", 0,
    "D",        "where it is computed: cpu (default), cuda or cuda:N; infill info lists\nwhat there is",
    false,      [](A& a, Text v) { device(a, v); }};
template <class A>
constexpr OptionOf<A> kThreads = {
    "--threads", 0,
    "N",         "default: one per core, at most 16; the result is the same",
    false,       [](A& a, Text v) { a.threads = integer("--threads", v, 1, 256); }};
template <class A>
constexpr OptionOf<A> kMemoryLimit = {
    "--memory-limit", 0, "BYTES", "refuse what needs more working memory, e.g. 2G", false, [](A& a, Text v) {
      a.memory_limit = amount("--memory-limit", v, 1024);
    }};

constexpr auto kOptions = std::to_array<Option>({
    {"--mask", 'm', "MASK", "picture of the same size: white is filled, black is kept", true,
     [](Arguments& a, Text v) { a.mask = file("--mask", v); }},
    {"--output", 'o', "OUT", "where the result goes: .png, .tif, .webp (without loss) or .jpg", true,
     [](Arguments& a, Text v) { a.output = file("--output", v); }},

    {"--method", 0, "NAME", "auto (default) or a name from `infill info`", true,
     [](Arguments& a, Text v) { a.method = method(v); }},
    {"--quality", 0, "Q", "fast, balanced (default) or high: time for beauty", true,
     [](Arguments& a, Text v) { a.quality = quality(v); }},
    {"--model", 0, "FILE", "fill with a network: .safetensors, .pth; see `infill model info FILE`", false,
     [](Arguments& a, Text v) { a.model = file("--model", v); }},
    kPrecision<Arguments>,
    {"--seed", 0, "N", "another number, another fill, where a method draws random numbers", true,
     [](Arguments& a, Text v) {
       const auto seed = number<uint64_t>(v);
       if (!seed) fail(kUsage, "--seed: \"", v, "\" is not a whole number from 0 to 2^64 - 1");
       a.seed = *seed;
     }},
    {"--set", 0, "NAME=NUMBER", "a setting of the method, as `infill info` lists them; may be repeated", true,
     [](Arguments& a, Text v) { a.parameters.push_back(parameter(v)); }},

    {"--box", 0, "X,Y,W,H",
     "without a mask: fill this rectangle; with one: fill\nonly what lies in it. May be repeated", true,
     [](Arguments& a, Text v) { a.boxes.push_back(box(v)); }},
    {"--grow", 0, "N", "widen the hole by N pixels; helps when the mask was drawn tightly", true,
     [](Arguments& a, Text v) { a.grow = integer("--grow", v, 0, 10000); }},
    {"--feather", 0, "N", "fade the fill in over the outermost N pixels of the\n(grown) hole", true,
     [](Arguments& a, Text v) { a.feather = integer("--feather", v, 0, 1000); }},
    {"--invert-mask", 0, nullptr, "black is filled, white is kept", true,
     [](Arguments& a, Text v) { a.invert_mask = v == kOn; }},
    {"--threshold", 0, "T", "a pixel this bright (1..255) or brighter is a hole;\ndefault 128", true,
     [](Arguments& a, Text v) {
       a.threshold = integer("--threshold", v, 1, 255);
       a.threshold_given = true;
     }},
    {"--soft-mask", 0, nullptr, "grey in the mask blends the fill with the picture", true,
     [](Arguments& a, Text v) { a.soft_mask = v == kOn; }},

    {"--preview", 0, "P.png", "also write before | hole | after, side by side, to look at", true,
     [](Arguments& a, Text v) { a.preview = file("--preview", v); }},
    {"--jpeg-quality", 0, "Q", "1..100 for a .jpg result; default 95", true,
     [](Arguments& a, Text v) { a.jpeg_quality = integer("--jpeg-quality", v, 1, 100); }},

    {"--manifest", 0, "LIST.jsonl", R"(fill many pictures: one {"image", "mask", "output"} a line)", false,
     [](Arguments& a, Text v) { a.manifest = file("--manifest", v); }},
    {"--shard", 0, "I/N", "of many pictures take every Nth, beginning with the Ith", false, shard},
    {"--force", 0, nullptr, "of many pictures, fill those again that are up to date", false,
     [](Arguments& a, Text v) { a.force = v == kOn; }},

    kDevice<Arguments>,
    kThreads<Arguments>,
    kMemoryLimit<Arguments>,
    {"--max-pixels", 0, "N", "refuse larger pictures before decoding; default 500M", false,
     [](Arguments& a, Text v) { a.max_pixels = amount("--max-pixels", v, 1000); }},
});

constexpr auto kRunOptions = std::to_array<RunOption>({
    {"--inputs", 'i', "IN", "safetensors with image [N, 3, H, W] and mask [N, 1, H, W]", false,
     [](Run& a, Text v) { a.inputs = file("--inputs", v); }},
    {"--outputs", 'o', "OUT", "safetensors that is written: coarse, refined, composite", false,
     [](Run& a, Text v) { a.outputs = file("--outputs", v); }},
    kPrecision<Run>,
    kDevice<Run>,
    kThreads<Run>,
    kMemoryLimit<Run>,
});

// How a command is called, and the one word of it that belongs to no option.
template <class A>
struct Command {
  std::span<const OptionOf<A>> options;
  const char* name;  // "infill fill"
  std::filesystem::path A::*file;
  const char* file_name;  // "IN"
  const char* file_kind;  // "picture or folder"
};

template <class A>
A parse(std::span<char* const> words, const Command<A>& command) {
  A arguments;
  bool only_files = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (only_files || word.size() < 2 || word[0] != '-') {
      if (!(arguments.*command.file).empty()) {
        fail(kUsage, "one ", command.file_kind, " at a time, but there are ", arguments.*command.file,
             " and \"", word, "\"");
      }
      arguments.*command.file = file(command.file_name, word);
      continue;
    }
    if (word == "--") {
      only_files = true;
      continue;
    }
    const std::string_view name = word.substr(0, word.find('='));
    const OptionOf<A>* option = nullptr;
    for (const OptionOf<A>& each : command.options) {
      const bool by_letter = word.size() == 2 && each.letter != 0 && word[1] == each.letter;
      if (each.name == name || by_letter) option = &each;
    }
    if (option == nullptr) fail(kUsage, "unknown option ", word, "; see ", command.name, " --help");
    const bool joined = name.size() < word.size();
    if (option->value == nullptr) {
      if (joined) fail(kUsage, option->name, " takes no value, but there is \"", word, "\"");
      option->apply(arguments, kOn);
    } else if (joined) {
      option->apply(arguments, word.substr(name.size() + 1));
    } else {
      if (i + 1 == words.size()) fail(kUsage, option->name, ": ", option->value, " is missing");
      option->apply(arguments, words[++i]);
    }
  }
  return arguments;
}

}  // namespace

std::span<const Option> options() {
  return kOptions;
}

std::span<const RunOption> run_options() {
  return kRunOptions;
}

FillArguments parse_fill(std::span<char* const> words) {
  auto arguments = parse<FillArguments>(
      words, {options(), "infill fill", &FillArguments::image, "IN", "picture or folder"});
  check_consistency(arguments);
  return arguments;
}

RunArguments parse_run(std::span<char* const> words) {
  auto arguments =
      parse<RunArguments>(words, {run_options(), "infill model run", &RunArguments::model, "FILE", "model"});
  if (arguments.model.empty()) fail(kUsage, "FILE is missing: the network's weights");
  if (arguments.inputs.empty()) fail(kUsage, "--inputs is missing: the tensors to run on");
  if (arguments.outputs.empty()) fail(kUsage, "--outputs is missing: where the results go");
  return arguments;
}

void check_consistency(const FillArguments& arguments) {
  const bool neural = arguments.method == INFILL_METHOD_NEURAL;
  if (neural && arguments.model.empty()) fail(kUsage, "--method neural needs a --model");
  if (!arguments.model.empty() && !neural && arguments.method != INFILL_METHOD_AUTO)
    fail(kUsage, "--model: only --method neural (or auto) uses one");
  if (arguments.precision != INFILL_PRECISION_AUTO && arguments.model.empty())
    fail(kUsage, "--precision: there is no --model");
  if (arguments.soft_mask) {
    if (arguments.threshold_given) fail(kUsage, "--soft-mask and --threshold exclude each other");
    if (arguments.grow > 0) fail(kUsage, "--grow needs a hard edge: leave out --soft-mask");
    if (arguments.feather > 0) fail(kUsage, "--feather needs a hard edge: leave out --soft-mask");
  }
  if (!arguments.manifest.empty()) {
    if (!arguments.image.empty() || !arguments.mask.empty() || !arguments.output.empty()) {
      fail(kUsage, "--manifest names pictures, masks and outputs itself: leave out IN, --mask and --output");
    }
    if (!arguments.preview.empty()) fail(kUsage, "--preview: give one to each line of the manifest");
    return;
  }
  if (arguments.image.empty()) fail(kUsage, "IN is missing: the picture to fill");
  if (arguments.output.empty()) fail(kUsage, "--output is missing: where the result goes");
  if (arguments.mask.empty() && arguments.boxes.empty()) {
    fail(kUsage, "--mask is missing (or --box x,y,width,height): what to fill");
  }
}

}  // namespace cli
