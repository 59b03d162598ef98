#include "zoo/architecture.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_set>
#include <utility>

#include "core/status.h"
#include "zoo/deepfill_keys.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

constexpr std::array kArchitectures = {
    Architecture{"deepfill-v2", "fill", read_deepfill_parameters, deepfill_keys},
    Architecture{"deepfill-v2-tf", "fill", read_deepfill_tf_parameters, deepfill_tf_keys},
};

struct Candidate {
  const Architecture* architecture;
  std::string_view prefix;
  size_t found;  // keys of the architecture
  size_t of;
};

// How many keys of the architecture there are below each prefix.
void add_candidates(const WeightFile& file, const Architecture& architecture,
                    std::vector<Candidate>& candidates) {
  const std::vector<KeyShape> keys = architecture.keys({});
  std::unordered_set<std::string_view> names;
  size_t most_parts = 0;
  for (const KeyShape& entry : keys) {
    names.insert(entry.key);
    most_parts = std::max(most_parts, static_cast<size_t>(std::ranges::count(entry.key, '.')) + 1);
  }
  std::map<std::string_view, size_t> found;
  for (const Tensor& tensor : file.tensors()) {
    const std::string_view name = tensor.name;
    // All ends of the name that begin after a dot (or are the name), the shortest first.
    size_t begin = name.size();
    for (size_t parts = 0; parts < most_parts && begin > 0; ++parts) {
      const size_t dot = begin < 2 ? std::string_view::npos : name.rfind('.', begin - 2);
      begin = dot == std::string_view::npos ? 0 : dot + 1;
      if (names.contains(name.substr(begin))) ++found[name.substr(0, begin)];
    }
  }
  for (const auto& [prefix, count] : found) candidates.push_back({&architecture, prefix, count, keys.size()});
}

[[noreturn]] void fail_unknown(const WeightFile& file) {
  std::string text;
  for (const Tensor& tensor : file.tensors().first(std::min<size_t>(file.tensors().size(), 3))) {
    text += (text.empty() ? ", its first keys are " : ", ") + in_quotes(tensor.name);
  }
  if (text.empty()) text = ", it has no tensors";
  if (!file.ignored().empty()) text += "; left inert: " + file.ignored().front();
  std::string known;
  for (const Architecture& architecture : kArchitectures) {
    known += (known.empty() ? "" : ", ") + std::string(architecture.name);
  }
  fail(Status::kUnsupported, in_quotes(file.name()), ": unknown architecture", text, "; known are ", known);
}

Candidate choose(const WeightFile& file, const std::optional<std::string>& prefix) {
  std::vector<Candidate> candidates;
  for (const Architecture& architecture : kArchitectures) add_candidates(file, architecture, candidates);
  std::erase_if(candidates, [&](const Candidate& candidate) {
    return 2 * candidate.found < candidate.of || (prefix && candidate.prefix != *prefix);
  });
  if (candidates.empty()) fail_unknown(file);
  const auto rank = [](const Candidate& candidate) {
    return std::pair(candidate.found, candidate.prefix.find("ema") != std::string_view::npos);
  };
  std::ranges::sort(candidates, std::greater{}, rank);
  if (candidates.size() > 1 && rank(candidates[0]) == rank(candidates[1])) {
    fail(Status::kUnsupported, in_quotes(file.name()), ": has ", candidates[0].architecture->name, " below ",
         in_quotes(candidates[0].prefix), " and ", candidates[1].architecture->name, " below ",
         in_quotes(candidates[1].prefix), ": say which");
  }
  return candidates[0];
}

void check_keys(const StateDict& weights, const std::vector<KeyShape>& keys) {
  std::unordered_set<std::string_view> expected;
  for (const auto& [key, shape] : keys) {
    const Tensor* tensor = weights.find(key);
    if (tensor == nullptr)
      fail(Status::kInvalidArgument, "key ", in_quotes(weights.prefix() + key), ": is missing");
    if (tensor->shape != shape) {
      fail(Status::kInvalidArgument, "key ", in_quotes(tensor->name), ": has shape ",
           to_string(tensor->shape), ", expected is ", to_string(shape));
    }
    if (!is_floating(tensor->dtype)) {
      fail(Status::kInvalidArgument, "key ", in_quotes(tensor->name), ": has type ", name_of(tensor->dtype),
           ", expected is a floating-point type");
    }
    expected.insert(key);
  }
  for (const Tensor& tensor : weights.tensors()) {
    if (!expected.contains(std::string_view(tensor.name).substr(weights.prefix().size()))) {
      fail(Status::kInvalidArgument, "key ", in_quotes(tensor.name), ": is not expected");
    }
  }
}

}  // namespace

std::span<const Architecture> architectures() {
  return kArchitectures;
}

Recognised recognise(const WeightFile& file, const std::optional<std::string>& prefix) {
  const Candidate best = choose(file, prefix);
  Recognised result{best.architecture, {}, StateDict(file, std::string(best.prefix))};
  try {
    result.parameters = best.architecture->read_parameters(result.weights);
    check_keys(result.weights, best.architecture->keys(result.parameters));
  } catch (const Error& error) {
    fail(error.status(), in_quotes(file.name()), ": ", best.architecture->name, ": ", error.what());
  }
  return result;
}

}  // namespace infill::zoo
