#include "model_run.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "core/image.h"
#include "pipeline/device_neural.h"
#include "pipeline/neural.h"
#include "zoo/safetensors.h"
#include "zoo/text.h"

namespace infill::capi {

namespace {

using zoo::Tensor;

constexpr std::string_view kImage = "image";
constexpr std::string_view kMask = "mask";

const Tensor& required(const zoo::WeightFile& file, std::string_view key) {
  const Tensor* tensor = file.find(key);
  if (tensor == nullptr) fail(Status::kInvalidArgument, key, ": there is no such tensor");
  return *tensor;
}

// The two tensors, whose shapes fit each other.
class Batch {
 public:
  explicit Batch(const zoo::WeightFile& file) : image_(required(file, kImage)), mask_(required(file, kMask)) {
    for (const Tensor& tensor : file.tensors()) {
      if (tensor.name != kImage && tensor.name != kMask) {
        fail(Status::kInvalidArgument, zoo::in_quotes(tensor.name), ": only image and mask are expected");
      }
    }
    if (!zoo::is_floating(image_.dtype)) {
      fail(Status::kInvalidArgument, kImage, ": is ", zoo::name_of(image_.dtype),
           "; floating-point values of 0..1 are needed");
    }
    const zoo::Dims& shape = image_.shape;
    if (shape.size() != 4 || shape[0] < 1 || shape[1] != 3 || !is_side(shape[2]) || !is_side(shape[3])) {
      fail(Status::kInvalidArgument, kImage, ": shape ", to_string(shape),
           " instead of [N, 3, H, W] with sides from 1 to ", kMaximumSide);
    }
    const zoo::Dims fits = {shape[0], 1, shape[2], shape[3]};
    if (mask_.shape != fits) {
      fail(Status::kInvalidArgument, kMask, ": shape ", to_string(mask_.shape), " instead of ",
           to_string(fits), ", as image has ", to_string(shape));
    }
  }

  [[nodiscard]] int64_t count() const { return image_.shape[0]; }
  [[nodiscard]] int32_t height() const { return static_cast<int32_t>(image_.shape[2]); }
  [[nodiscard]] int32_t width() const { return static_cast<int32_t>(image_.shape[3]); }
  [[nodiscard]] size_t area() const { return static_cast<size_t>(height()) * static_cast<size_t>(width()); }
  [[nodiscard]] const zoo::Dims& shape() const { return image_.shape; }

  // Row y of a picture; throws for a value that has no meaning. The image in the hole is not looked at.
  void read_row(int64_t picture, int32_t y, float* mask, const std::array<float*, 3>& image) const {
    copy_row(mask_, picture, 0, y, mask);
    for (int32_t x = 0; x < width(); ++x) {
      if (mask[x] != 0 && mask[x] != 1)
        refuse(kMask, picture, 0, y, x, mask[x], "1 is a hole, 0 is known, there is nothing between");
    }
    for (size_t c = 0; c < image.size(); ++c) {
      float* row = image.at(c);
      copy_row(image_, picture, static_cast<int64_t>(c), y, row);
      for (int32_t x = 0; x < width(); ++x) {
        if (mask[x] == 0 && !(row[x] >= 0 && row[x] <= 1))
          refuse(kImage, picture, static_cast<int64_t>(c), y, x, row[x], "values lie in 0..1");
      }
    }
  }

 private:
  static bool is_side(int64_t side) { return side >= 1 && side <= kMaximumSide; }

  static void copy_row(const Tensor& tensor, int64_t picture, int64_t channel, int64_t y, float* to) {
    const zoo::Dims& strides = tensor.strides;
    const int64_t first = picture * strides[0] + channel * strides[1] + y * strides[2];
    const std::byte* from = tensor.bytes.data() + first * static_cast<int64_t>(zoo::size_of(tensor.dtype));
    zoo::to_float(tensor.dtype, from, strides[3], to, static_cast<size_t>(tensor.shape[3]));
  }

  [[noreturn]] static void refuse(std::string_view tensor, int64_t picture, int64_t channel, int64_t y,
                                  int64_t x, float value, const char* instead) {
    fail(Status::kInvalidArgument, tensor, ": element [", picture, ", ", channel, ", ", y, ", ", x, "] is ",
         value, "; ", instead);
  }

  const Tensor& image_;
  const Tensor& mask_;
};

// Where everything lies: laid out on a measuring arena first.
struct Layout {
  std::array<float*, 3> outputs;  // coarse, refined, composite of the whole batch
  // Of one picture.
  float* image;
  float* mask;  // one row
  uint8_t* unknown;

  Layout(const Batch& batch, Arena& arena) {
    for (float*& output : outputs)
      output = arena.take<float>(static_cast<size_t>(batch.count()) * 3 * batch.area()).data();
    image = arena.take<float>(3 * batch.area()).data();
    mask = arena.take<float>(static_cast<size_t>(batch.width())).data();
    unknown = arena.take<uint8_t>(batch.area()).data();
  }
};

constexpr std::array<const char*, 3> kOutputs = {"coarse", "refined", "composite"};

// The share of the way that is done when writing begins.
constexpr double kComputed = 0.98;

// What resting sessions keep for later is worth less than this call.
Block take(Context& context, size_t size) {
  try {
    return {context.memory, size};
  } catch (const Error& error) {
    if (error.status() != Status::kMemoryLimit || !context.trim()) throw;
  }
  return {context.memory, size};
}

class Runner {
 public:
  Runner(const Model& model, const Batch& batch, Task& task)
      : model_(model), batch_(batch), task_(task), block_(take(*model.context, size_of(model, batch))) {}

  void run() {
    Arena arena(block_.data(), block_.size());
    const Layout at(batch_, arena);
    // All mistakes come before the work.
    task_.set_range(Stage::kPlan, 0, tiles(), 0, 0);
    for (int64_t i = 0; i < batch_.count(); ++i) read(at, i);
    for (int64_t i = 0; i < batch_.count(); ++i) {
      task_.set_range(Stage::kRefine, static_cast<uint32_t>(i), tiles(), share(i), share(i + 1));
      run_one(at, i, arena);
    }
    outputs_ = at.outputs;
  }

  [[nodiscard]] std::array<Tensor, 3> outputs() const {
    std::array<Tensor, 3> tensors;
    const size_t count = static_cast<size_t>(batch_.count()) * 3 * batch_.area();
    for (size_t i = 0; i < tensors.size(); ++i) {
      tensors.at(i) = {.name = kOutputs.at(i),
                       .dtype = zoo::DType::kF32,
                       .shape = batch_.shape(),
                       .strides = zoo::contiguous_strides(batch_.shape()),
                       .bytes = std::as_bytes(std::span(outputs_.at(i), count))};
    }
    return tensors;
  }

 private:
  static size_t size_of(const Model& model, const Batch& batch) {
    Arena arena = Arena::measuring();
    static_cast<void>(Layout(batch, arena));
    if (model.network() == nullptr) return arena.peak();
    return arena.peak() +
           model.network()->scratch(batch.height(), batch.width(), model.context->threads.count());
  }

  [[nodiscard]] double share(int64_t pictures) const {
    return kComputed * static_cast<double>(pictures) / static_cast<double>(batch_.count());
  }
  [[nodiscard]] uint32_t tiles() const {
    return static_cast<uint32_t>(std::min<int64_t>(batch_.count(), UINT32_MAX));
  }

  void read(const Layout& at, int64_t picture) {
    const auto area = static_cast<ptrdiff_t>(batch_.area());
    for (int32_t y = 0; y < batch_.height(); ++y) {
      const ptrdiff_t row = static_cast<ptrdiff_t>(y) * batch_.width();
      batch_.read_row(picture, y, at.mask,
                      {at.image + row, at.image + area + row, at.image + 2 * area + row});
      std::transform(at.mask, at.mask + batch_.width(), at.unknown + row,
                     [](float value) { return value != 0 ? uint8_t{1} : uint8_t{0}; });
      task_.advance(static_cast<uint64_t>(batch_.width()));
    }
  }

  template <class Float>
  [[nodiscard]] std::array<Plane<Float>, 3> planes(Float* data) const {
    const auto area = static_cast<ptrdiff_t>(batch_.area());
    const auto plane = [&](ptrdiff_t c) {
      return Plane<Float>{data + c * area, batch_.width(), batch_.height(), batch_.width()};
    };
    return {plane(0), plane(1), plane(2)};
  }

  void run_one(const Layout& at, int64_t picture, Arena& arena) {
    read(at, picture);
    const auto offset = static_cast<ptrdiff_t>(picture) * 3 * static_cast<ptrdiff_t>(batch_.area());
    const auto [coarse, refined, composite] = at.outputs;
    const inference::DeepFillCall call{
        .height = batch_.height(),
        .width = batch_.width(),
        .image = planes<const float>(at.image),
        .unknown = {at.unknown, batch_.width(), batch_.height(), batch_.width()},
        .wanted = {0, 0, batch_.height(), batch_.width()},
        .coarse = planes(coarse + offset),
        .refined = planes(refined + offset)};
    if (model_.network() != nullptr) {
      pipeline::run_network(*model_.network(), call, arena, model_.context->threads, task_);
    } else {
      const device::Stream stream(*model_.context->device());
      pipeline::run_network(*model_.device_network(), call,
                            {*model_.context->device(), stream, model_.context->device_memory()}, task_);
    }
    const auto width = static_cast<size_t>(batch_.width());
    for (size_t row = 0; row < 3 * batch_.area(); row += width) {
      const size_t in_plane = row % batch_.area();
      for (size_t i = row; i < row + width; ++i) {
        const float coarse_value = coarse[offset + static_cast<ptrdiff_t>(i)];
        const float refined_value = refined[offset + static_cast<ptrdiff_t>(i)];
        if (!std::isfinite(coarse_value) || !std::isfinite(refined_value)) {
          fail(Status::kUnsupported, "model: its numbers overflow on picture ", picture, " of the batch (",
               std::isfinite(coarse_value) ? refined_value : coarse_value, ")");
        }
        composite[offset + static_cast<ptrdiff_t>(i)] =
            at.unknown[in_plane + i - row] != 0 ? refined_value : at.image[i];
      }
      task_.advance(width);
    }
  }

  const Model& model_;
  const Batch& batch_;
  Task& task_;
  Block block_;
  std::array<float*, 3> outputs_{};
};

// Calls work() and puts in front of what is wrong which of the two files it is about.
template <class Work>
auto about(const char* field, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    // A container that is not read is a wrong argument here, not a wrong model.
    const bool unread = error.status() == Status::kUnsupported;
    fail(unread ? Status::kInvalidArgument : error.status(), field, ": ", error.what());
  }
}

zoo::Metadata provenance(const infill_model_info& info) {
  constexpr uint32_t kVersion = INFILL_VERSION;
  return {
      {"infill.version", std::to_string(kVersion / 1000000) + "." + std::to_string(kVersion / 1000 % 1000) +
                             "." + std::to_string(kVersion % 1000)},
      {"infill.model", info.name},
      {"infill.model.architecture", info.architecture},
      {"infill.model.sha256", info.file_sha256},
      {"infill.model.weights.sha256", info.weights_sha256}};
}

}  // namespace

void run_model(const Model& model, const ModelRun& run, Task& task) {
  const zoo::WeightFile file = about("desc.inputs", [&] { return zoo::WeightFile(run.inputs); });
  const Batch batch = about("desc.inputs", [&] { return Batch(file); });
  Runner runner(model, batch, task);
  runner.run();
  task.set_range(Stage::kBlend, 0, 0, kComputed, 1);
  const std::array<Tensor, 3> outputs = runner.outputs();
  about("desc.outputs", [&] { zoo::write_safetensors(run.outputs, outputs, provenance(model.info())); });
  task.finish();
}

}  // namespace infill::capi
