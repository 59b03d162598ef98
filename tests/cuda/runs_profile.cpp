// The runs of a mask of scattered holes, and their groups, for the profile.
#include "cuda/runs.h"
#include "profile.h"

int main() {
  using namespace infill::cuda;
  constexpr int32_t kWidth = 128;
  constexpr int32_t kHeight = 64;
  std::vector<uint8_t> mask(size_t{kWidth} * kHeight);
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = profile::noise(uint32_t(i / 4)) % 4 == 0 ? 1 : 0;
  ReadRunsCall read;
  read.mask = {profile::upload(mask), kWidth, kHeight, kWidth};
  read.capacity = int64_t{kWidth} * kHeight;
  read.runs = profile::zeros<Run>(mask.size());
  read.count = profile::zeros<uint32_t>(1);
  profile::check(read_runs(read, profile::zeros<unsigned char>(read_runs_workspace(kHeight)), nullptr));
  uint32_t count = 0;
  profile::check(cudaMemcpy(&count, read.count, sizeof count, cudaMemcpyDeviceToHost));

  GroupRunsCall group;
  group.runs = read.runs;
  group.count = count;
  group.group = profile::zeros<uint32_t>(count);
  group.groups = profile::zeros<HoleGroup>(count);
  group.group_count = profile::zeros<uint32_t>(1);
  profile::check(group_runs(group, profile::zeros<unsigned char>(group_runs_workspace(count)), nullptr));
  profile::finish();
  return 0;
}
