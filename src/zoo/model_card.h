// What a model is: beside its weights in the metadata of a safetensors file, under the key "infill.card", as
// JSON:
//   {"name": "...", "kind": "fill", "architecture": "deepfill-v2", "parameters": {"width": 48, ...},
//    "licence": "...", "sha256": "..."}
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "zoo/architecture.h"

namespace infill::zoo {

constexpr std::string_view kCardKey = "infill.card";
constexpr size_t kLongestCard = 64U << 10U;  // bytes of JSON

struct ModelCard {
  std::string name;
  std::string kind;          // "fill"
  std::string architecture;  // Architecture::name
  Parameters parameters;
  std::string licence;  // SPDX expression of the weights; "unknown" when nobody said
  std::string sha256;   // of the tensors' bytes as they lie in the file (WeightFile::data()): the card can be
                        // changed without changing it
};

[[nodiscard]] std::string to_json(const ModelCard& card);
[[nodiscard]] std::string to_json(const Parameters& parameters);

// Throws kInvalidArgument naming the field that is missing or of the wrong type. Fields that are not known
// are ignored; licence and sha256 may be missing.
[[nodiscard]] ModelCard card_from_json(std::string_view json);

// The card of a file: of what was recognised in it, its own sha256, the name and the licence of the card
// that it carries, or the file's name and "unknown". Reads all of the file.
// Throws kInvalidArgument when the file carries a card that contradicts it: another architecture, kind,
// parameter or sha256.
[[nodiscard]] ModelCard card_of(const Recognised& model, const Advance& advance = {});

// Writes tensors with a card (write_safetensors). The card's sha256 is computed. Other metadata is kept.
void write_model(const std::filesystem::path& path, std::span<const Tensor> tensors, const ModelCard& card,
                 Metadata metadata = {});

}  // namespace infill::zoo
