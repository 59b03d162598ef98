#include "terminal.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <utility>

#include "failure.h"

namespace cli {
namespace {

volatile sig_atomic_t signal_seen = 0;

void remember(int number) {
  signal_seen = number;
}

void end_at_once(int /*number*/) {
  constexpr char kText[] = "\ninfill: interrupted; this picture was not written\n";
  static_cast<void>(!write(STDERR_FILENO, kText, sizeof kText - 1));
  _exit(kInterrupted);
}

void handle(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

constexpr const char* kWipe = "\r\033[K";

const char* stage_name(infill_stage stage) {
  switch (stage) {
    case INFILL_STAGE_PLAN:
      return "planning";
    case INFILL_STAGE_COARSE:
      return "coarse";
    case INFILL_STAGE_REFINE:
      return "detail";
    case INFILL_STAGE_BLEND:
      return "blending";
    default:
      return "";
  }
}

}  // namespace

void catch_signals() {
  handle(remember);
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, nullptr);
  sigaction(SIGPIPE, &action, nullptr);
}

bool interrupted() noexcept {
  return signal_seen != 0;
}

void check_interrupted() {
  if (interrupted()) fail(kInterrupted, "interrupted; this picture was not written");
}

SignalsEndTheProgram::SignalsEndTheProgram() {
  handle(end_at_once);
}

SignalsEndTheProgram::~SignalsEndTheProgram() {
  handle(remember);
}

bool stderr_is_terminal() {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  return terminal;
}

void say(const std::string& line) {
  std::fprintf(stderr, "%sinfill: %s\n", stderr_is_terminal() ? kWipe : "", line.c_str());
}

ProgressBar::ProgressBar(std::string label) : label_(std::move(label)), visible_(stderr_is_terminal()) {}

ProgressBar::~ProgressBar() {
  if (visible_) std::fputs(kWipe, stderr);
}

void ProgressBar::show(const infill_progress& progress) {
  const auto now = std::chrono::steady_clock::now();
  if (!visible_ || now < next_) return;
  next_ = now + std::chrono::milliseconds(100);
  constexpr int kWidth = 30;
  const int full = std::clamp(static_cast<int>(progress.fraction * kWidth), 0, kWidth);
  std::fprintf(stderr, "\r%.40s [%s%s] %3d %% %s\033[K", label_.c_str(),
               std::string(static_cast<size_t>(full), '#').c_str(),
               std::string(static_cast<size_t>(kWidth - full), '.').c_str(),
               static_cast<int>(progress.fraction * 100), stage_name(progress.stage));
  std::fflush(stderr);
}

}  // namespace cli
