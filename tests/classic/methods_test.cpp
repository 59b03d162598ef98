// The table of methods: names, numbers, parameters, presets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "classic/method.h"

namespace infill::classic {
namespace {

TEST(Methods, EachHasANameANumberAndAWord) {
  std::set<std::string> names;
  std::set<MethodId> ids;
  for (const Method* method : methods()) {
    EXPECT_TRUE(names.insert(method->name).second) << method->name;
    EXPECT_TRUE(ids.insert(method->id).second) << method->name;
    EXPECT_NE(std::string(method->summary), "") << method->name;
    EXPECT_EQ(find_method(method->id), method);
  }
  EXPECT_EQ(find_method(MethodId::kAuto), nullptr);
}

TEST(Methods, ParametersAreNamedAfterTheirMethodAndHoldTheirDefault) {
  for (const Method* method : methods()) {
    std::set<std::string> names;
    for (const Parameter& parameter : method->parameters) {
      SCOPED_TRACE(parameter.name);
      EXPECT_TRUE(names.insert(parameter.name).second);
      EXPECT_EQ(std::string(parameter.name).rfind(std::string(method->name) + ".", 0), 0U);
      EXPECT_LE(parameter.minimum, parameter.default_value);
      EXPECT_GE(parameter.maximum, parameter.default_value);
      if (parameter.is_integer) {
        EXPECT_EQ(parameter.default_value, std::floor(parameter.default_value));
      }
    }
  }
}

TEST(Methods, AQualityReplacesItsPresetsAndNothingElse) {
  int presets = 0;
  for (const Method* method : methods()) {
    for (const Quality quality : {Quality::kDefault, Quality::kFast, Quality::kBalanced, Quality::kHigh}) {
      const Settings settings = default_settings(*method, quality);
      for (size_t i = 0; i < method->parameters.size(); ++i) {
        const Parameter& parameter = method->parameters[i];
        const auto preset =
            std::find_if(method->presets.begin(), method->presets.end(),
                         [&](const Preset& each) { return each.quality == quality && each.parameter == i; });
        const bool has_preset = preset != method->presets.end();
        presets += has_preset ? 1 : 0;
        EXPECT_EQ(settings[i], has_preset ? preset->value : parameter.default_value) << parameter.name;
        EXPECT_GE(settings[i], parameter.minimum) << parameter.name;
        EXPECT_LE(settings[i], parameter.maximum) << parameter.name;
      }
    }
    const bool is_known =
        std::all_of(method->presets.begin(), method->presets.end(), [&](const Preset& each) {
          return each.parameter < method->parameters.size() &&
                 (each.quality == Quality::kFast || each.quality == Quality::kHigh);
        });
    EXPECT_TRUE(is_known) << method->name << ": a preset that no quality uses";
  }
  EXPECT_GE(presets, 9);
}

}  // namespace
}  // namespace infill::classic
