// How a command ends. The numbers are documented in docs/cli.md and in the help.
#pragma once

#include <exception>
#include <sstream>
#include <string>
#include <utility>

namespace cli {

enum ExitCode : int {
  kDone = 0,
  kFillFailed = 1,    // the library could not fill this picture
  kUsage = 2,         // wrong arguments
  kInput = 3,         // a picture, mask or manifest cannot be read, or they do not fit each other
  kOutput = 4,        // the result cannot be written
  kMemory = 5,        // --memory-limit is too small, or the machine has no memory left
  kSomeFailed = 6,    // a batch went through, but not every picture could be filled
  kInterrupted = 130  // Ctrl-C
};

class Failure : public std::exception {
 public:
  Failure(ExitCode code, std::string message) : code_(code), message_(std::move(message)) {}
  [[nodiscard]] ExitCode code() const noexcept { return code_; }
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  ExitCode code_;
  std::string message_;
};

// The parts written one after the other.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(ExitCode code, const Parts&... parts) {
  throw Failure(code, text(parts...));
}

}  // namespace cli
