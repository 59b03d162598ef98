#include "classic/navier_stokes.h"

#include <algorithm>
#include <array>

#include "classic/flow.h"
#include "classic/flow_nodes.h"
#include "classic/push_pull.h"

namespace infill::classic {

namespace {

constexpr std::array<Parameter, kFlowParameterCount> kParameters{{
    {"navier-stokes.iterations",
     "Steps of transport and diffusion; an edge grows by about a pixel in ten, so thin holes need few", true,
     0, 10000, 10},
    {"navier-stokes.transport", "Time step of the flow along isophotes; more makes edges crisper", false, 0,
     0.1, 0.05},
    {"navier-stokes.viscosity", "Time step of the diffusion along isophotes; more makes edges straighter",
     false, 0, 0.25, 0.2},
}};

constexpr std::array<Preset, 2> kPresets{{
    {Quality::kFast, kFlowIterations, 4},
    {Quality::kHigh, kFlowIterations, 40},
}};

// Push-pull's surface is wavy where little is known around a hole. A few means of the neighbours bring it
// closer to a harmonic one.
constexpr int kDiffusions = 8;

int32_t context(const Settings&, int32_t width, int32_t height) {
  return kPushPull.context(Settings(kPushPull.parameters), width, height) + FlowNodes::kReach;
}

size_t scratch(const CanvasShape& shape, const Settings&) {
  Arena arena = Arena::measuring();
  (void)FlowNodes::lay_out(shape, arena);
  return std::max(arena.peak(), push_pull_scratch(shape));
}

void fill(Canvas& canvas, const Settings& settings, Work& work) {
  if (canvas.hole_pixels == 0) return;
  {
    const ArenaScope scope(work.arena);
    push_pull_fill(canvas, work);
  }
  const CanvasShape shape{canvas.width,
                          canvas.height,
                          canvas.channels,
                          canvas.hole_pixels,
                          static_cast<int64_t>(canvas.holes.size()),
                          work.threads.count()};
  FlowNodes nodes = FlowNodes::lay_out(shape, work.arena);
  nodes.load(canvas, work.task);
  const FlowStep step{static_cast<float>(settings[kFlowTransport]),
                      static_cast<float>(settings[kFlowViscosity])};
  const int iterations = settings.integer(kFlowIterations);
  for (int i = 0; i < kDiffusions; ++i) nodes.diffuse(work);
  for (int i = 0; i < iterations; ++i) {
    nodes.flow(step, work);
    work.task.done(static_cast<double>(i) / iterations);
  }
  nodes.store(canvas, work);
}

}  // namespace

constinit const Method kNavierStokes{MethodId::kNavierStokes,
                                     "navier-stokes",
                                     "Transport along isophotes (Bertalmio): edges go on across thin holes",
                                     kParameters,
                                     context,
                                     2 * FlowNodes::kReach,
                                     scratch,
                                     fill,
                                     kPresets};

}  // namespace infill::classic
