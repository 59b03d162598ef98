#include "kernels/network.h"

#include <algorithm>

namespace infill::kernels {

void Network::add(Convolution convolution, int from, int to, int32_t first) {
  shape_.add({convolution.spec(), {from}, to, first, {}});
  numbers_.push_back(convolutions_.size());
  convolutions_.push_back(std::move(convolution));
}

void Network::add(Custom step) {
  shape_.add({{}, step.from, step.to, 0, step.needs});
  numbers_.push_back(customs_.size());
  customs_.push_back(std::move(step));
}

Network::Plan Network::plan(int32_t height, int32_t width, const std::vector<int>& inputs,
                            const std::vector<Wanted>& wanted, const Region& hole, int threads) const {
  Plan plan{shape_.plan(height, width, inputs, wanted, hole)};
  plan.threads = threads;
  for (const Custom& custom : customs_) {
    if (custom.scratch)
      plan.scratch = std::max(plan.scratch, aligned_values(custom.scratch(height, width, threads)));
  }
  for (const Convolution& convolution : convolutions_)
    plan.slot = std::max(plan.slot, aligned_values(convolution.scratch()));
  plan.scratch = std::max(plan.scratch, plan.slot * static_cast<size_t>(threads));
  plan.floats = plan.values + plan.scratch;
  return plan;
}

Map Network::map(const Plan& plan, int number, float* memory) const {
  const Region region = shape_.whole(plan, number);
  const int32_t channels = shape_.channels(number);
  return {memory + plan.offsets[static_cast<size_t>(number)], region.y1, region.x1, channels, channels};
}

void Network::convolve(const Plan& plan, const Step& step, const Convolution& convolution, float* memory,
                       Parallel& parallel) const {
  const int source = step.from.front();
  const Map read = map(plan, source, memory);
  const ConstMap in{read.data, read.height, read.width, read.channels, read.pitch};
  Map out = map(plan, step.to, memory);
  out.data += step.first;
  out.channels = convolution.spec().out_channels;
  const Region& region = plan.regions[static_cast<size_t>(step.to)];
  const int64_t jobs = convolution.jobs(region);
  float* scratch = memory + plan.values;
  run_in_slots(parallel, jobs, plan.threads, [&](int64_t job, int64_t slot) {
    parallel.advance(Task::kPollEvery);
    convolution.run(in, plan.regions[static_cast<size_t>(source)], out, region, job,
                    scratch + static_cast<size_t>(slot) * plan.slot);
  });
}

void Network::run(const Plan& plan, const Step& step, const Custom& custom, float* memory,
                  Parallel& parallel) const {
  std::vector<ConstMap> in;
  for (const int number : step.from) {
    const Map read = map(plan, number, memory);
    in.push_back({read.data, read.height, read.width, read.channels, read.pitch});
  }
  const Region& region = plan.regions[static_cast<size_t>(step.to)];
  custom.run({in, map(plan, step.to, memory), region, memory + plan.values, plan.scratch}, parallel);
}

void Network::run(const Plan& plan, float* memory, Parallel& parallel,
                  const std::function<void(double)>& progress) const {
  double done = 0;
  for (size_t s = 0; s < numbers_.size(); ++s) {
    const Step& step = shape_.steps()[s];
    if (plan.regions[static_cast<size_t>(step.to)].empty()) continue;
    if (step.convolution) {
      convolve(plan, step, convolutions_[numbers_[s]], memory, parallel);
    } else {
      run(plan, step, customs_[numbers_[s]], memory, parallel);
    }
    done += NetworkShape::work(plan, step);
    progress(plan.work > 0 ? done / plan.work : 1);
  }
}

size_t Network::weight_bytes() const {
  size_t bytes = 0;
  for (const Convolution& convolution : convolutions_) bytes += convolution.weight_bytes();
  return bytes;
}

}  // namespace infill::kernels
