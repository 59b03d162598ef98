// Status codes and the one exception type of the library.
//
// Inside the library a failure is an exception; capi/ turns it into a status and a message at the boundary.
// The values equal those of infill_status in <infill.h>, which asserts it.
#pragma once

#include <cstdint>
#include <exception>
#include <sstream>
#include <string>
#include <utility>

namespace infill {

enum class Status : int32_t {
  kOk = 0,
  kPending = 1,
  kInvalidArgument = -1,
  kInvalidState = -2,
  kUnsupported = -3,
  kUnknownParameter = -4,
  kTooNew = -5,
  kMemoryLimit = -6,
  kOutOfMemory = -100,
  kNoDevice = -101,
  kDeviceLost = -102,
  kIo = -103,
  kBadModel = -200,
  kWrongModel = -201,
  kCancelled = -300,
  kInternal = -900,
};

// The code of whoever refused. Values equal infill_native_kind.
struct Native {
  enum class Kind : int32_t { kNone = 0, kErrno = 1, kWin32 = 2, kCuda = 3 };
  Kind kind = Kind::kNone;
  int32_t code = 0;
};

class Error : public std::exception {
 public:
  Error(Status status, std::string message, Native native = {})
      : status_(status), message_(std::move(message)), native_(native) {}
  [[nodiscard]] Status status() const noexcept { return status_; }
  [[nodiscard]] Native native() const noexcept { return native_; }
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  Status status_;
  std::string message_;
  Native native_;
};

// fail(Status::kInvalidArgument, "mask: width is ", w, ", src has ", n);
template <class... Parts>
[[noreturn]] void fail(Status status, const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Error(status, text.str());
}

}  // namespace infill
