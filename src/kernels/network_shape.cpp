#include "kernels/network_shape.h"

#include <algorithm>

namespace infill::kernels {

namespace {

Region join(const Region& a, const Region& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.y0, b.y0), std::min(a.x0, b.x0), std::max(a.y1, b.y1), std::max(a.x1, b.x1)};
}

Region clip(const Region& a, const Region& to) {
  return {std::max(a.y0, to.y0), std::max(a.x0, to.x0), std::min(a.y1, to.y1), std::min(a.x1, to.x1)};
}

// What a convolution reads for pixels begin <= i < end of its result, along one axis.
void reach(const ConvolutionSpec& spec, int32_t pad, int32_t& begin, int32_t& end) {
  const int32_t first = begin * spec.stride - pad;
  const int32_t last = (end - 1) * spec.stride - pad + (spec.kernel - 1) * spec.dilation;
  begin = std::max(first, 0) / spec.upsample;
  end = last / spec.upsample + 1;
}

Region needs(const NetworkShape::Plan& plan, const NetworkShape::Step& step, size_t input) {
  Region region = plan.regions[static_cast<size_t>(step.to)];
  if (region.empty()) return region;
  if (!step.convolution) return step.needs(input, region, plan.hole);
  reach(*step.convolution, step.convolution->pad_top, region.y0, region.y1);
  reach(*step.convolution, step.convolution->pad_left, region.x0, region.x1);
  return region;
}

}  // namespace

int NetworkShape::add_map(int32_t channels, int shift) {
  maps_.push_back({channels, shift});
  return static_cast<int>(maps_.size()) - 1;
}

Region NetworkShape::whole(const Plan& plan, int map) const {
  const int shift = maps_[static_cast<size_t>(map)].shift;
  return {0, 0, plan.height >> shift, plan.width >> shift};
}

double NetworkShape::work(const Plan& plan, const Step& step) {
  if (!step.convolution) return 0;
  const ConvolutionSpec& spec = *step.convolution;
  return static_cast<double>(pixels(plan.regions[static_cast<size_t>(step.to)])) * spec.kernel * spec.kernel *
         spec.in_channels * spec.out_channels * (spec.gated ? 2 : 1);
}

NetworkShape::Plan NetworkShape::plan(int32_t height, int32_t width, const std::vector<int>& inputs,
                                      const std::vector<Wanted>& wanted, const Region& hole) const {
  Plan plan;
  plan.hole = hole;
  plan.height = height;
  plan.width = width;
  plan.regions.resize(maps_.size());
  for (const Wanted& each : wanted) {
    Region& region = plan.regions[static_cast<size_t>(each.map)];
    region = join(region, clip(each.region, whole(plan, each.map)));
  }
  for (size_t s = steps_.size(); s-- > 0;) {
    const Step& step = steps_[s];
    for (size_t input = 0; input < step.from.size(); ++input) {
      const int map = step.from[input];
      Region& region = plan.regions[static_cast<size_t>(map)];
      region = join(region, clip(needs(plan, step, input), whole(plan, map)));
    }
    plan.work += work(plan, step);
  }
  place(plan, inputs, wanted);
  return plan;
}

// Maps that are not needed at the same time may lie in the same place: each is put at the lowest one that is
// free from the step that writes it to the last that reads it.
void NetworkShape::place(Plan& plan, const std::vector<int>& inputs,
                         const std::vector<Wanted>& wanted) const {
  struct Life {
    int map, first, last;
    size_t begin, values;
  };
  const auto steps = static_cast<int>(steps_.size());
  std::vector<Life> lives(maps_.size());
  for (size_t m = 0; m < maps_.size(); ++m) {
    const Region region = whole(plan, static_cast<int>(m));
    lives[m] = {static_cast<int>(m), steps, -1, 0,
                aligned_values(static_cast<size_t>(pixels(region)) * static_cast<size_t>(maps_[m].channels))};
  }
  for (int s = 0; s < steps; ++s) {
    const Step& step = steps_[static_cast<size_t>(s)];
    for (const int map : step.from) lives[static_cast<size_t>(map)].last = s;
    Life& to = lives[static_cast<size_t>(step.to)];
    to.first = std::min(to.first, s);
    to.last = std::max(to.last, s);
  }
  for (const int map : inputs) lives[static_cast<size_t>(map)].first = 0;
  for (const Wanted& each : wanted) lives[static_cast<size_t>(each.map)].last = steps;
  std::sort(lives.begin(), lives.end(), [](const Life& a, const Life& b) { return a.first < b.first; });
  plan.offsets.resize(maps_.size());
  std::vector<Life> placed;  // by begin
  for (Life& life : lives) {
    life.begin = 0;
    for (const Life& other : placed) {
      if (other.last < life.first || life.last < other.first) continue;
      if (life.begin + life.values <= other.begin) break;
      life.begin = std::max(life.begin, other.begin + other.values);
    }
    plan.offsets[static_cast<size_t>(life.map)] = life.begin;
    plan.values = std::max(plan.values, life.begin + life.values);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), life,
                                   [](const Life& a, const Life& b) { return a.begin < b.begin; }),
                  life);
  }
}

}  // namespace infill::kernels
