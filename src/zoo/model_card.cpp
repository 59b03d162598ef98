#include "zoo/model_card.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <variant>

#include "core/status.h"
#include "zoo/safetensors.h"
#include "zoo/sha256.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

using nlohmann::json;

[[noreturn]] void wrong(std::string_view field, std::string_view what) {
  fail(Status::kInvalidArgument, kCardKey, ": ", field, ": ", what);
}

std::string text_field(const json& card, const char* field) {
  const auto found = card.find(field);
  if (found == card.end()) wrong(field, "is missing");
  if (!found->is_string()) wrong(field, "is no string");
  return found->get<std::string>();
}

std::string optional_field(const json& card, const char* field, const char* otherwise) {
  return card.contains(field) ? text_field(card, field) : otherwise;
}

ParameterValue parameter_of(const std::string& name, const json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return value.get<double>();
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) {
    wrong("parameters", in_quotes(name) + " is too large");
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  wrong("parameters", in_quotes(name) + " is no number, string, true or false");
}

json json_of(const Parameters::mapped_type& value) {
  return std::visit([](const auto& plain) { return json(plain); }, value);
}

// How a scalar is written.
using Write = std::function<std::string(const json&)>;

std::string strictly(const json& value) {
  return value.dump();
}

std::string in_ascii(const json& value) {
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

// Text, not an object of the JSON library: destroying one takes memory, and ends the process when there is
// none.
class ObjectText {
 public:
  explicit ObjectText(Write write) : write_(std::move(write)) {}
  ObjectText& add(std::string_view name, const json& value) { return add_text(name, write_(value)); }
  ObjectText& add_text(std::string_view name, std::string_view value) {
    if (text_.size() > 1) text_ += ',';
    text_.append(write_(json(name))).append(":").append(value);
    return *this;
  }
  [[nodiscard]] std::string close() const { return text_ + '}'; }

 private:
  Write write_;
  std::string text_ = "{";
};

std::string object_of(const Parameters& parameters, const Write& write) {
  ObjectText object(write);
  for (const auto& [name, value] : parameters) object.add(name, json_of(value));
  return object.close();
}

void check_agrees(std::string_view field, const json& carried, const json& found) {
  if (carried == found) return;
  wrong(field, "is " + in_ascii(carried) + ", the file has " + in_ascii(found));
}

}  // namespace

std::string to_json(const ModelCard& card) {
  try {
    ObjectText object(strictly);
    object.add("name", card.name)
        .add("kind", card.kind)
        .add("architecture", card.architecture)
        .add_text("parameters", object_of(card.parameters, strictly))
        .add("licence", card.licence);
    if (!card.sha256.empty()) object.add("sha256", card.sha256);
    return object.close();
  } catch (const json::exception&) {
    wrong("a text", "is not UTF-8");
  }
}

std::string to_json(const Parameters& parameters) {
  return object_of(parameters, in_ascii);
}

ModelCard card_from_json(std::string_view text) {
  if (text.size() > kLongestCard) wrong("JSON", "has more than " + std::to_string(kLongestCard) + " bytes");
  // Without exceptions: a text that is no JSON gives "discarded".
  const json object = json::parse(text.begin(), text.end(), nullptr, false);
  if (!object.is_object()) wrong("JSON", "is no object");
  ModelCard card;
  card.name = text_field(object, "name");
  card.kind = text_field(object, "kind");
  card.architecture = text_field(object, "architecture");
  card.licence = optional_field(object, "licence", "unknown");
  card.sha256 = optional_field(object, "sha256", "");
  const auto parameters = object.find("parameters");
  if (parameters == object.end() || !parameters->is_object()) wrong("parameters", "is missing or no object");
  for (const auto& [name, value] : parameters->items())
    card.parameters.emplace(name, parameter_of(name, value));
  return card;
}

ModelCard card_of(const Recognised& model, const Advance& advance) {
  const WeightFile& file = model.weights.file();
  ModelCard card;
  card.name = std::filesystem::path(file.name()).stem().string();
  card.kind = model.architecture->kind;
  card.architecture = model.architecture->name;
  card.parameters = model.parameters;
  card.licence = "unknown";
  card.sha256 = sha256(file.data(), advance);
  const auto carried = file.metadata().find(kCardKey);
  if (carried == file.metadata().end()) return card;
  try {
    const ModelCard other = card_from_json(carried->second);
    check_agrees("kind", other.kind, card.kind);
    check_agrees("architecture", other.architecture, card.architecture);
    for (const auto& [name, value] : other.parameters) {
      const auto found = card.parameters.find(name);
      check_agrees("parameters: " + name, json_of(value),
                   found == card.parameters.end() ? json() : json_of(found->second));
    }
    if (!other.sha256.empty()) check_agrees("sha256", other.sha256, card.sha256);
    card.name = other.name;
    card.licence = other.licence;
  } catch (const Error& error) {
    fail(error.status(), in_quotes(file.name()), ": ", error.what());
  }
  return card;
}

void write_model(const std::filesystem::path& path, std::span<const Tensor> tensors, const ModelCard& card,
                 Metadata metadata) {
  ModelCard complete = card;
  complete.sha256 = sha256_of_data(tensors);
  metadata.insert_or_assign(std::string(kCardKey), to_json(complete));
  write_safetensors(path, tensors, metadata);
}

}  // namespace infill::zoo
