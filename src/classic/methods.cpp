#include <algorithm>
#include <array>

#include "classic/biharmonic.h"
#include "classic/harmonic.h"
#include "classic/method.h"
#include "classic/navier_stokes.h"
#include "classic/patchmatch.h"
#include "classic/push_pull.h"
#include "classic/telea.h"

namespace infill::classic {

namespace {
constexpr auto kMethods = std::to_array<const Method*>({
    &kPushPull,
    &kHarmonic,
    &kBiharmonic,
    &kTelea,
    &kNavierStokes,
    &kPatchMatchMethod,
});
}  // namespace

std::span<const Method* const> methods() {
  return kMethods;
}

Settings default_settings(const Method& method, Quality quality) {
  Settings settings(method.parameters);
  for (const Preset& preset : method.presets) {
    if (preset.quality == quality) settings.set(preset.parameter, preset.value);
  }
  return settings;
}

const Method* find_method(MethodId id) {
  const auto at =
      std::find_if(kMethods.begin(), kMethods.end(), [id](const Method* m) { return m->id == id; });
  return at == kMethods.end() ? nullptr : *at;
}

}  // namespace infill::classic
