#include "zoo/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/status.h"
#include "zoo/text.h"

namespace infill::zoo {
namespace {

constexpr std::string_view kMetadataKey = "__metadata__";

struct Range {
  uint64_t begin;
  uint64_t end;
};

// Receives the header piece by piece and insists on its one form:
// {"NAME": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, "__metadata__": {"KEY": "VALUE"}}
class HeaderHandler {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  HeaderHandler(Contents& contents, std::vector<Range>& ranges) : contents_(contents), ranges_(ranges) {}

  bool null() { wrong("null"); }
  bool boolean(bool value) { wrong(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) { wrong(std::to_string(value)); }
  bool number_float(number_float_t /*value*/, const string_t& digits) { wrong(digits.substr(0, 40)); }
  bool binary(binary_t& /*value*/) { wrong("binary"); }

  bool number_unsigned(number_unsigned_t value) {
    if (place_ != Place::kArray) wrong(std::to_string(value));
    if (field_ == "shape") {
      if (value > static_cast<uint64_t>(INT64_MAX)) wrong(std::to_string(value));
      if (tensor_.shape.size() == Dims::kMaximum) {
        fail(Status::kUnsupported, where(), ": more than ", Dims::kMaximum, " dimensions");
      }
      tensor_.shape.push_back(static_cast<int64_t>(value));
    } else {
      if (offsets_.size() == 2) wrong("a third offset");
      offsets_.push_back(value);
    }
    return true;
  }

  bool string(string_t& value) {
    if (place_ == Place::kMetadata) {
      if (!contents_.metadata.try_emplace(field_, std::move(value)).second) {
        fail(Status::kInvalidArgument, where(), ": appears twice");
      }
      if (contents_.metadata.size() > kMostMetadata) {
        fail(Status::kUnsupported, where(), ": more than ", kMostMetadata, " entries");
      }
      return true;
    }
    if (place_ != Place::kTensor || field_ != "dtype") wrong(in_quotes(value));
    const std::optional<DType> dtype = dtype_from_name(value);
    if (!dtype) fail(Status::kUnsupported, where(), ": unknown type ", in_quotes(value));
    tensor_.dtype = *dtype;
    return true;
  }

  bool start_object(size_t /*size*/) {
    switch (place_) {
      case Place::kOutside:
        place_ = Place::kHeader;
        return true;
      case Place::kHeader:
        place_ = key_ == kMetadataKey ? Place::kMetadata : Place::kTensor;
        return true;
      default:
        wrong("an object");
    }
  }

  bool end_object() {
    if (place_ == Place::kTensor) finish_tensor();
    place_ = place_ == Place::kHeader ? Place::kOutside : Place::kHeader;
    return true;
  }

  bool key(string_t& name) {
    if (place_ == Place::kHeader) {
      start_entry(name);
    } else {
      field_ = std::move(name);
      if (place_ == Place::kTensor) start_field();
    }
    return true;
  }

  bool start_array(size_t /*size*/) {
    if (place_ != Place::kTensor || field_ == "dtype") wrong("an array");
    place_ = Place::kArray;
    return true;
  }

  bool end_array() {
    place_ = Place::kTensor;
    return true;
  }

  bool parse_error(size_t position, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) {
    fail(Status::kInvalidArgument, "header: is no JSON at byte ", position + 7);
  }

 private:
  enum class Place : uint8_t { kOutside, kHeader, kMetadata, kTensor, kArray };

  [[nodiscard]] std::string where() const {
    if (place_ == Place::kOutside) return "header";
    if (place_ == Place::kHeader) return "key " + in_quotes(key_);
    return "key " + in_quotes(key_) + ": " + in_quotes(field_);
  }
  [[noreturn]] void wrong(const std::string& found) const {
    fail(Status::kInvalidArgument, where(), ": ", found, " is not allowed here");
  }

  void start_entry(const std::string& name) {
    key_ = name;
    if (name == kMetadataKey) {
      if (std::exchange(has_metadata_, true)) fail(Status::kInvalidArgument, where(), ": appears twice");
      return;
    }
    if (name.size() > Tensor::kLongestName) {
      fail(Status::kUnsupported, where(), ": has ", name.size(), " bytes, at most ", Tensor::kLongestName);
    }
    if (!is_text(name)) fail(Status::kInvalidArgument, where(), ": is not UTF-8 without zero bytes");
    name_bytes_ += name.size();
    if (contents_.tensors.size() == kMostTensors || name_bytes_ > kMostNameBytes) {
      fail(Status::kUnsupported, where(), ": more than ", kMostTensors, " tensors or ", kMostNameBytes,
           " bytes of names");
    }
    tensor_ = {};
    tensor_.name = name;
    offsets_.clear();
    seen_.clear();
  }

  void start_field() {
    if (field_ != "dtype" && field_ != "shape" && field_ != "data_offsets") {
      fail(Status::kInvalidArgument, where(), ": unknown field");
    }
    if (std::ranges::find(seen_, field_) != seen_.end()) {
      fail(Status::kInvalidArgument, where(), ": appears twice");
    }
    seen_.push_back(field_);
  }

  void finish_tensor() {
    const std::string at = "key " + in_quotes(key_);
    if (seen_.size() != 3) {
      fail(Status::kInvalidArgument, at, ": needs dtype, shape and data_offsets, has ", seen_.size(),
           " of them");
    }
    if (offsets_.size() != 2) {
      fail(Status::kInvalidArgument, at, ": data_offsets has ", offsets_.size(), " numbers, two are needed");
    }
    const Range range{offsets_[0], offsets_[1]};
    if (range.begin > range.end) {
      fail(Status::kInvalidArgument, at, ": data_offsets [", range.begin, ", ", range.end, "] are reversed");
    }
    const std::optional<int64_t> count = element_count(tensor_.shape);
    uint64_t size = 0;
    if (!count || __builtin_mul_overflow(static_cast<uint64_t>(*count), size_of(tensor_.dtype), &size)) {
      fail(Status::kInvalidArgument, at, ": shape ", to_string(tensor_.shape), " overflows");
    }
    if (size != range.end - range.begin) {
      fail(Status::kInvalidArgument, at, ": ", name_of(tensor_.dtype), " ", to_string(tensor_.shape),
           " needs ", size, " bytes, data_offsets [", range.begin, ", ", range.end, "] have ",
           range.end - range.begin);
    }
    tensor_.strides = contiguous_strides(tensor_.shape);
    contents_.tensors.push_back(std::move(tensor_));
    ranges_.push_back(range);
  }

  Contents& contents_;
  std::vector<Range>& ranges_;
  Place place_ = Place::kOutside;
  std::string key_;
  std::string field_;
  bool has_metadata_ = false;
  size_t name_bytes_ = 0;
  Tensor tensor_;
  std::vector<uint64_t> offsets_;
  std::vector<std::string> seen_;  // fields of the tensor
};

// Points the tensors at their bytes after checking that they tile the data.
void place_tensors(Contents& contents, const std::vector<Range>& ranges) {
  std::vector<uint32_t> order(ranges.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](uint32_t i) { return std::pair(ranges[i].begin, ranges[i].end); });
  uint64_t expected = 0;
  for (const uint32_t i : order) {
    const Range range = ranges[i];
    Tensor& tensor = contents.tensors[i];
    if (range.end > contents.data.size()) {
      fail(Status::kInvalidArgument, "key ", in_quotes(tensor.name), ": data_offsets [", range.begin, ", ",
           range.end, "] end after the ", contents.data.size(), " bytes of data");
    }
    if (range.begin != expected) {
      fail(Status::kInvalidArgument, "key ", in_quotes(tensor.name), ": data_offsets [", range.begin, ", ",
           range.end,
           range.begin < expected ? "] overlap another tensor's, which end at "
                                  : "] leave a gap, the tensor before ends at ",
           expected);
    }
    expected = range.end;
    tensor.bytes = contents.data.subspan(range.begin, range.end - range.begin);
  }
  if (expected != contents.data.size()) {
    fail(Status::kInvalidArgument, "data: the tensors end at ", expected, ", the file has ",
         contents.data.size(), " bytes of data");
  }
}

}  // namespace

void read_safetensors(std::span<const std::byte> bytes, Contents& contents) {
  uint64_t length = 0;
  if (bytes.size() < sizeof(length)) {
    fail(Status::kInvalidArgument, "has ", bytes.size(), " bytes: neither safetensors nor a torch file");
  }
  std::memcpy(&length, bytes.data(), sizeof(length));
  const std::span<const std::byte> rest = bytes.subspan(sizeof(length));
  if (length > rest.size()) {
    fail(Status::kInvalidArgument, "header: its length is ", length, ", the file has ", rest.size(),
         " bytes after it (neither safetensors nor a torch file?)");
  }
  if (length > kLongestHeader) {
    fail(Status::kUnsupported, "header: its length is ", length, ", at most ", kLongestHeader, " are read");
  }
  const std::string_view header(reinterpret_cast<const char*>(rest.data()), length);
  if (header.empty() || header[0] != '{') {
    fail(Status::kInvalidArgument,
         "header: does not begin with a brace (neither safetensors nor a torch file?)");
  }
  // The JSON reader takes a zero byte for the end of the text and would not look behind it.
  const size_t zero = header.find('\0');
  if (zero != std::string_view::npos)
    fail(Status::kInvalidArgument, "header: a zero byte at byte ", zero + 8);
  contents.data = rest.subspan(length);
  std::vector<Range> ranges;
  HeaderHandler handler(contents, ranges);
  nlohmann::json::sax_parse(header.begin(), header.end(), &handler);
  place_tensors(contents, ranges);
}

}  // namespace infill::zoo
