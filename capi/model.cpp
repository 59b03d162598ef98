#include "model.h"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>

#include "zoo/deepfill_model.h"
#include "zoo/model_card.h"

namespace infill::capi {

namespace {

// Readers tell damage and what they do not know apart; to callers of the interface these are statuses of
// their own.
template <class Work>
auto as_model_errors(const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    switch (error.status()) {
      case Status::kInvalidArgument:
        fail(Status::kBadModel, error.what());
      case Status::kUnsupported:
        fail(Status::kWrongModel, error.what());
      default:
        throw;
    }
  }
}

// How many bytes of UTF-8 a control character at the beginning takes: ASCII's and Latin-1's, what separates
// lines and what changes the direction of writing. 0: it is none.
size_t control_length(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  const auto within = [](int value, int low, int high) { return value >= low && value <= high; };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) < 0xA0) return 2;
  if (byte(0) != 0xE2) return 0;
  const bool marks = byte(1) == 0x80 && (within(byte(2), 0x8E, 0x8F) || within(byte(2), 0xA8, 0xAE));
  const bool isolates = byte(1) == 0x81 && within(byte(2), 0xA6, 0xA9);
  return marks || isolates ? 3 : 0;
}

// What a file says of itself may hold anything.
std::string plain(std::string_view text) {
  if (!is_utf8(text)) return "?";
  std::string result;
  while (!text.empty()) {
    const size_t length = control_length(text);
    result += length > 0 ? ' ' : text.front();
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return result;
}

kernels::Precision cpu_precision(infill_precision precision) {
  switch (precision) {
    case INFILL_PRECISION_AUTO:
    case INFILL_PRECISION_FLOAT32:
      return kernels::Precision::kFloat32;
    case INFILL_PRECISION_BFLOAT16:
      return kernels::Precision::kBfloat16;
    case INFILL_PRECISION_FLOAT16:
      fail(Status::kUnsupported,
           "desc.precision: FLOAT16 is for CUDA; on the CPU there are FLOAT32 and BFLOAT16");
    case INFILL_PRECISION_TFLOAT32:
      fail(Status::kUnsupported,
           "desc.precision: TFLOAT32 is for CUDA; on the CPU there are FLOAT32 and BFLOAT16");
    default:
      fail(Status::kUnsupported, "desc.precision: ", precision, " is unknown to this library");
  }
}

cuda::Precision device_precision(infill_precision precision) {
  switch (precision) {
    case INFILL_PRECISION_AUTO:
    case INFILL_PRECISION_FLOAT32:
      return cuda::Precision::kFloat32;
    case INFILL_PRECISION_TFLOAT32:
      return cuda::Precision::kTf32;
    case INFILL_PRECISION_FLOAT16:
      return cuda::Precision::kFloat16;
    case INFILL_PRECISION_BFLOAT16:
      return cuda::Precision::kBfloat16;
    default:
      fail(Status::kUnsupported, "desc.precision: ", precision, " is unknown to this library");
  }
}

}  // namespace

void check_precision(infill_precision precision, const Context& context) {
  if (context.device() == nullptr) {
    static_cast<void>(cpu_precision(precision));
  } else {
    static_cast<void>(device_precision(precision));
  }
}

Model::Model(std::shared_ptr<Context> owner, const std::filesystem::path& path, infill_precision precision,
             const std::optional<std::string>& sha256, Task& task)
    : context(std::move(owner)) {
  as_model_errors([&] { load(zoo::WeightFile(path), precision, sha256, task); });
}

Model::Model(std::shared_ptr<Context> owner, std::span<const std::byte> bytes, infill_precision precision,
             const std::optional<std::string>& sha256, Task& task)
    : context(std::move(owner)) {
  as_model_errors([&] { load(zoo::WeightFile(bytes, "model"), precision, sha256, task); });
}

void Model::build(const zoo::WeightFile& file, infill_precision precision, const zoo::Advance& advance) {
  const zoo::Recognised model = zoo::recognise(file);
  if (context->device() == nullptr) {
    network_.emplace(zoo::build_deepfill(model, cpu_precision(precision), advance));
    return;
  }
  zoo::with_deepfill(model, advance, [&](const auto& variant, const auto& weights) {
    device_network_ = std::make_unique<inference::DeviceDeepFill>(*context->device(), variant, weights,
                                                                  device_precision(precision));
  });
}

void Model::load(const zoo::WeightFile& file, infill_precision precision,
                 const std::optional<std::string>& sha256, Task& task) {
  // Two hashes and packing take equally long, and longer than everything else: they go on at once.
  zoo::ModelCard card;
  const auto advance = [&](uint64_t bytes) { task.advance(bytes); };
  const std::array<std::function<void()>, 3> pieces = {
      [&] { file_sha256_ = file.sha256(advance); },
      [&] { card = zoo::card_of(zoo::recognise(file), advance); },
      [&] { build(file, precision, advance); },
  };
  std::array<std::exception_ptr, pieces.size()> failures;
  context->threads.parallel_for(task, pieces.size(), 1, [&](int64_t begin, int64_t /*end*/) {
    const auto which = static_cast<size_t>(begin);
    try {
      pieces.at(which)();
    } catch (...) {
      failures.at(which) = std::current_exception();
    }
  });
  const auto rethrow = [&](size_t which) {
    if (failures.at(which) != nullptr) std::rethrow_exception(failures.at(which));
  };
  // What is told does not depend on which came first: another file than the one insisted on matters most.
  rethrow(0);
  if (sha256 && *sha256 != file_sha256_) {
    fail(Status::kBadModel, "desc.sha256: is ", *sha256, ", that of the file is ", file_sha256_);
  }
  rethrow(1);
  rethrow(2);
  name_ = plain(card.name);
  architecture_ = card.architecture;
  parameters_ = zoo::to_json(card.parameters);
  license_ = plain(card.licence);
  weights_sha256_ = card.sha256;
  for (const zoo::Tensor& tensor : zoo::recognise(file).weights.tensors())
    parameter_count_ += static_cast<uint64_t>(tensor.elements());
}

infill_model_info Model::info() const {
  infill_model_info info = INFILL_MODEL_INFO_INIT;
  info.kind = INFILL_MODEL_FILL;
  info.name = name_.c_str();
  info.architecture = architecture_.c_str();
  info.parameters = parameters_.c_str();
  info.license = license_.c_str();
  info.weights_sha256 = weights_sha256_.c_str();
  info.file_sha256 = file_sha256_.c_str();
  info.parameter_count = parameter_count_;
  info.weight_bytes = network_ ? network_->weight_bytes() : device_network_->weight_bytes();
  return info;
}

}  // namespace infill::capi
