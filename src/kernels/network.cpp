#include "kernels/network.h"

#include <algorithm>

namespace infill::kernels {

namespace {

constexpr size_t kAlignment = 16;  // floats

size_t round_up(size_t floats) {
  return (floats + kAlignment - 1) / kAlignment * kAlignment;
}

Region join(const Region& a, const Region& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.y0, b.y0), std::min(a.x0, b.x0), std::max(a.y1, b.y1), std::max(a.x1, b.x1)};
}

Region clip(const Region& a, const Region& to) {
  return {std::max(a.y0, to.y0), std::max(a.x0, to.x0), std::min(a.y1, to.y1), std::min(a.x1, to.x1)};
}

int64_t pixels(const Region& region) {
  return region.empty() ? 0 : static_cast<int64_t>(region.y1 - region.y0) * (region.x1 - region.x0);
}

// What a convolution reads for pixels begin <= i < end of its result, along one axis.
void reach(const ConvolutionSpec& spec, int32_t pad, int32_t& begin, int32_t& end) {
  const int32_t first = begin * spec.stride - pad;
  const int32_t last = (end - 1) * spec.stride - pad + (spec.kernel - 1) * spec.dilation;
  begin = std::max(first, 0) / spec.upsample;
  end = last / spec.upsample + 1;
}

}  // namespace

int Network::add_map(int32_t channels, int shift) {
  maps_.push_back({channels, shift});
  return static_cast<int>(maps_.size()) - 1;
}

void Network::add(Convolution convolution, int from, int to, int32_t first) {
  steps_.push_back({static_cast<int>(convolutions_.size()), -1, {from}, to, first});
  convolutions_.push_back(std::move(convolution));
}

void Network::add(Custom step) {
  steps_.push_back({-1, static_cast<int>(customs_.size()), step.from, step.to, 0});
  customs_.push_back(std::move(step));
}

Region Network::whole(const Plan& plan, int map) const {
  const int shift = maps_[static_cast<size_t>(map)].shift;
  return {0, 0, plan.height >> shift, plan.width >> shift};
}

Region Network::needs(const Plan& plan, const Step& step, size_t input) const {
  Region region = plan.regions[static_cast<size_t>(step.to)];
  if (region.empty()) return region;
  if (step.convolution < 0) return customs_[static_cast<size_t>(step.custom)].needs(input, region, plan.hole);
  const ConvolutionSpec& spec = convolutions_[static_cast<size_t>(step.convolution)].spec();
  reach(spec, spec.pad_top, region.y0, region.y1);
  reach(spec, spec.pad_left, region.x0, region.x1);
  return region;
}

Network::Plan Network::plan(int32_t height, int32_t width, const std::vector<int>& inputs,
                            const std::vector<Wanted>& wanted, const Region& hole, int threads) const {
  Plan plan;
  plan.hole = hole;
  plan.height = height;
  plan.width = width;
  plan.threads = threads;
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
    if (step.convolution < 0) {
      const Custom& custom = customs_[static_cast<size_t>(step.custom)];
      if (custom.scratch)
        plan.scratch = std::max(plan.scratch, round_up(custom.scratch(height, width, threads)));
      continue;
    }
    const Convolution& convolution = convolutions_[static_cast<size_t>(step.convolution)];
    const ConvolutionSpec& spec = convolution.spec();
    plan.slot = std::max(plan.slot, round_up(convolution.scratch()));
    plan.work += static_cast<double>(pixels(plan.regions[static_cast<size_t>(step.to)])) * spec.kernel *
                 spec.kernel * spec.in_channels * spec.out_channels * (spec.gated ? 2 : 1);
  }
  plan.scratch = std::max(plan.scratch, plan.slot * static_cast<size_t>(threads));
  place(plan, inputs, wanted);
  return plan;
}

// Maps that are not needed at the same time may lie in the same place: each is put at the lowest one that is
// free from the step that writes it to the last that reads it.
void Network::place(Plan& plan, const std::vector<int>& inputs, const std::vector<Wanted>& wanted) const {
  struct Life {
    int map, first, last;
    size_t begin, floats;
  };
  const auto steps = static_cast<int>(steps_.size());
  std::vector<Life> lives(maps_.size());
  for (size_t m = 0; m < maps_.size(); ++m) {
    const Region region = whole(plan, static_cast<int>(m));
    lives[m] = {static_cast<int>(m), steps, -1, 0,
                round_up(static_cast<size_t>(pixels(region)) * static_cast<size_t>(maps_[m].channels))};
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
  size_t floats = 0;
  for (Life& life : lives) {
    life.begin = 0;
    for (const Life& other : placed) {
      if (other.last < life.first || life.last < other.first) continue;
      if (life.begin + life.floats <= other.begin) break;
      life.begin = std::max(life.begin, other.begin + other.floats);
    }
    plan.offsets[static_cast<size_t>(life.map)] = life.begin;
    floats = std::max(floats, life.begin + life.floats);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), life,
                                   [](const Life& a, const Life& b) { return a.begin < b.begin; }),
                  life);
  }
  plan.floats = floats + plan.scratch;
}

Map Network::map(const Plan& plan, int number, float* memory) const {
  const Region region = whole(plan, number);
  const int32_t channels = maps_[static_cast<size_t>(number)].channels;
  return {memory + plan.offsets[static_cast<size_t>(number)], region.y1, region.x1, channels, channels};
}

void Network::convolve(const Plan& plan, const Step& step, float* memory, Parallel& parallel) const {
  const Convolution& convolution = convolutions_[static_cast<size_t>(step.convolution)];
  const int source = step.from.front();
  const Map read = map(plan, source, memory);
  const ConstMap in{read.data, read.height, read.width, read.channels, read.pitch};
  Map out = map(plan, step.to, memory);
  out.data += step.first;
  out.channels = convolution.spec().out_channels;
  const Region& region = plan.regions[static_cast<size_t>(step.to)];
  const int64_t jobs = convolution.jobs(region);
  float* scratch = memory + plan.floats - plan.scratch;
  run_in_slots(parallel, jobs, plan.threads, [&](int64_t job, int64_t slot) {
    parallel.advance(Task::kPollEvery);
    convolution.run(in, plan.regions[static_cast<size_t>(source)], out, region, job,
                    scratch + static_cast<size_t>(slot) * plan.slot);
  });
}

void Network::run(const Plan& plan, float* memory, Parallel& parallel,
                  const std::function<void(double)>& progress) const {
  double done = 0;
  for (const Step& step : steps_) {
    const Region& region = plan.regions[static_cast<size_t>(step.to)];
    if (region.empty()) continue;
    if (step.convolution >= 0) {
      convolve(plan, step, memory, parallel);
      const ConvolutionSpec& spec = convolutions_[static_cast<size_t>(step.convolution)].spec();
      done += static_cast<double>(pixels(region)) * spec.kernel * spec.kernel * spec.in_channels *
              spec.out_channels * (spec.gated ? 2 : 1);
    } else {
      const Custom& custom = customs_[static_cast<size_t>(step.custom)];
      std::vector<ConstMap> in;
      for (const int number : step.from) {
        const Map read = map(plan, number, memory);
        in.push_back({read.data, read.height, read.width, read.channels, read.pitch});
      }
      float* scratch = memory + plan.floats - plan.scratch;
      custom.run({in, map(plan, step.to, memory), region, scratch, plan.scratch}, parallel);
    }
    progress(plan.work > 0 ? done / plan.work : 1);
  }
}

size_t Network::weight_bytes() const {
  size_t bytes = 0;
  for (const Convolution& convolution : convolutions_) bytes += convolution.weight_bytes();
  return bytes;
}

}  // namespace infill::kernels
