// The person in front: a progress bar, hints, and Ctrl-C.
#pragma once

#include <infill.h>

#include <chrono>
#include <string>

namespace cli {

// From here on SIGINT and SIGTERM only set a flag. A full disk (RLIMIT_FSIZE) is an error, not a signal.
void catch_signals();
[[nodiscard]] bool interrupted() noexcept;
// Throws kInterrupted after a signal.
void check_interrupted();

// While it lives, SIGINT and SIGTERM end the program at once: for work that cannot be cancelled, and with no
// temporary file to take away.
class SignalsEndTheProgram {
 public:
  SignalsEndTheProgram();
  SignalsEndTheProgram(const SignalsEndTheProgram&) = delete;
  SignalsEndTheProgram& operator=(const SignalsEndTheProgram&) = delete;
  ~SignalsEndTheProgram();
};

// One line on stderr, after "infill: "; clears a progress bar first.
void say(const std::string& line);

// One line on stderr that follows a fill. Silent unless stderr is a terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::string label);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();  // wipes the line
  void show(const infill_progress& progress);

 private:
  std::string label_;
  bool visible_;
  std::chrono::steady_clock::time_point next_{};
};

[[nodiscard]] bool stderr_is_terminal();

}  // namespace cli
