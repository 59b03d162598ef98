// Reference tensors of tests: float32 out of safetensors files of our own, which are trusted.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace infill::test {

struct FileTensor {
  std::vector<int64_t> shape;
  std::vector<float> values;

  // [1, C, H, W] as [H, W, C].
  [[nodiscard]] std::vector<float> channels_last() const {
    const auto channels = static_cast<size_t>(shape.at(1));
    const size_t pixels = values.size() / channels;
    std::vector<float> out(values.size());
    for (size_t c = 0; c < channels; ++c) {
      for (size_t i = 0; i < pixels; ++i) out[i * channels + c] = values[c * pixels + i];
    }
    return out;
  }
};

class TensorFile {
 public:
  explicit TensorFile(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(stream), {});
    uint64_t length = 0;
    if (bytes_.size() < sizeof(length)) throw std::runtime_error(path + " cannot be read");
    std::memcpy(&length, bytes_.data(), sizeof(length));
    data_ = sizeof(length) + length;
    header_ = bytes_.substr(sizeof(length), length);
  }

  [[nodiscard]] FileTensor get(const std::string& name) const {
    const size_t at = header_.find("\"" + name + "\":{");
    if (at == std::string::npos) throw std::runtime_error("no tensor " + name);
    FileTensor tensor;
    tensor.shape = numbers_after("\"shape\":[", at);
    const std::vector<int64_t> offsets = numbers_after("\"data_offsets\":[", at);
    tensor.values.resize(static_cast<size_t>(offsets.at(1) - offsets.at(0)) / sizeof(float));
    std::memcpy(tensor.values.data(), bytes_.data() + data_ + offsets[0],
                tensor.values.size() * sizeof(float));
    return tensor;
  }

 private:
  [[nodiscard]] std::vector<int64_t> numbers_after(const std::string& key, size_t from) const {
    std::vector<int64_t> numbers;
    size_t at = header_.find(key, from) + key.size();
    const size_t end = header_.find(']', at);
    while (at < end) {
      numbers.push_back(std::stoll(header_.substr(at, end - at)));
      at = std::min(header_.find(',', at), end) + 1;
    }
    return numbers;
  }

  std::string bytes_, header_;
  size_t data_ = 0;
};

}  // namespace infill::test
