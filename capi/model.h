// What infill_model is: weights made ready to run, and what is said of them.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "context.h"
#include "inference/deepfill.h"
#include "inference/device_deepfill.h"
#include "zoo/weight_file.h"

namespace infill::capi {

// Throws kUnsupported for a precision that models of this context cannot compute in.
void check_precision(infill_precision precision, const Context& context);

class Model {
 public:
  // precision: what networks compute in. Throws kUnsupported when the context's device has not got it.
  // sha256: of the file, in lower case, to insist on. Throws kBadModel, kWrongModel, kIo, kOutOfMemory, and
  // kCancelled when the task is.
  Model(std::shared_ptr<Context> owner, const std::filesystem::path& path, infill_precision precision,
        const std::optional<std::string>& sha256, Task& task);
  Model(std::shared_ptr<Context> owner, std::span<const std::byte> bytes, infill_precision precision,
        const std::optional<std::string>& sha256, Task& task);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const std::shared_ptr<Context> context;
  // Null in a context of a device, where device_network() is not.
  [[nodiscard]] const inference::DeepFill* network() const { return network_ ? &*network_ : nullptr; }
  [[nodiscard]] const inference::DeviceDeepFill* device_network() const { return device_network_.get(); }
  // Its texts live as long as the model.
  [[nodiscard]] infill_model_info info() const;

 private:
  void build(const zoo::WeightFile& file, infill_precision precision, const zoo::Advance& advance);
  void load(const zoo::WeightFile& file, infill_precision precision, const std::optional<std::string>& sha256,
            Task& task);

  std::optional<inference::DeepFill> network_;
  std::unique_ptr<inference::DeviceDeepFill> device_network_;
  std::string name_, architecture_, parameters_, license_, weights_sha256_, file_sha256_;
  uint64_t parameter_count_ = 0;
};

}  // namespace infill::capi

struct infill_model {
  std::shared_ptr<infill::capi::Model> model;
};
