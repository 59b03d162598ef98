// Named settings of a method or stage, as data: the C interface, the command line and bindings list them from
// here.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace infill {

struct Parameter {
  const char* name;  // "patchmatch.iterations"
  const char* help;  // one sentence: what it does, its unit, when to change it
  bool is_integer;
  double minimum, maximum, default_value;
};

// The values of one table of parameters, by index in the table.
class Settings {
 public:
  static constexpr size_t kMaximumCount = 16;

  Settings() = default;
  explicit Settings(std::span<const Parameter> table) {
    for (size_t i = 0; i < table.size(); ++i) values_.at(i) = table[i].default_value;
  }
  [[nodiscard]] double operator[](size_t index) const { return values_[index]; }
  [[nodiscard]] int integer(size_t index) const { return static_cast<int>(values_[index]); }
  void set(size_t index, double value) { values_.at(index) = value; }

 private:
  std::array<double, kMaximumCount> values_{};
};

}  // namespace infill
