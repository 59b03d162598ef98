// main() of kernel tests: runs them under each schedule of CUDASIM_SCHEDULES (forward,reverse,random), and
// fails a test in which the checker found anything, and a program that ran no kernel.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "cudasim/launch.h"
#include "cudasim/options.h"
#include "cudasim/report.h"

namespace infill::cudasim {
namespace {

std::vector<Schedule> schedules_named(const std::string& names) {
  std::vector<Schedule> result;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    if (name == "forward") result.push_back(Schedule::kForward);
    if (name == "reverse") result.push_back(Schedule::kReverse);
    if (name == "random") result.push_back(Schedule::kRandom);
  }
  return result;
}

class Listener : public testing::EmptyTestEventListener {
 public:
  explicit Listener(std::vector<Schedule> schedules) : schedules_(std::move(schedules)) {}

  void OnTestIterationStart(const testing::UnitTest&, int iteration) override {
    options().schedule = schedules_[static_cast<size_t>(iteration) % schedules_.size()];
  }

  void OnTestEnd(const testing::TestInfo&) override {
    for (const Finding& finding : take_findings()) {
      ADD_FAILURE() << "cudasim: " << finding.text << " (" << finding.count << " times)";
    }
  }

 private:
  std::vector<Schedule> schedules_;
};

int run_tests() {
  const char* names = std::getenv("CUDASIM_SCHEDULES");
  const std::vector<Schedule> schedules =
      schedules_named(names != nullptr ? names : "forward,reverse,random");
  if (schedules.empty()) {
    std::fprintf(stderr, "cudasim: CUDASIM_SCHEDULES: %s names no schedule\n", names);
    return 2;
  }
  testing::GTEST_FLAG(repeat) *= static_cast<int>(schedules.size());
  testing::UnitTest::GetInstance()->listeners().Append(new Listener(schedules));
  const int result = RUN_ALL_TESTS();
  const Statistics& ran = statistics();
  std::printf("cudasim: %lld kernels, %lld blocks, %lld threads, checker %s\n",
              static_cast<long long>(ran.launches), static_cast<long long>(ran.blocks),
              static_cast<long long>(ran.threads), options().checking ? "on" : "off");
  if (ran.launches == 0) {
    std::printf("cudasim: no kernel ran\n");
    return 1;
  }
  return result;
}

}  // namespace
}  // namespace infill::cudasim

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return infill::cudasim::run_tests();
}
