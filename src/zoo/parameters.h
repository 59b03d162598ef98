// Named values that describe a network: "width" 48, "fuse" true, "padding" "same".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <variant>

namespace infill::zoo {

using ParameterValue = std::variant<bool, int64_t, double, std::string>;
using Parameters = std::map<std::string, ParameterValue, std::less<>>;

}  // namespace infill::zoo
