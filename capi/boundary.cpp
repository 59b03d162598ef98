#include "boundary.h"

#include <new>
#include <system_error>

namespace infill::capi {

namespace {

// Length of the well-formed UTF-8 sequence at the front (Unicode 15, table 3-7); 0: there is none.
size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (text.size() < length) return 0;
  const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

infill_status report(infill_error* err, Status status, std::string_view message,
                     Native native = {}) noexcept {
  const auto value = static_cast<infill_status>(status);
  if (err != nullptr) {
    err->status = value;
    err->native_kind = static_cast<infill_native_kind>(native.kind);
    err->native_code = native.code;
    err->reserved = 0;
    copy_utf8(err->message, sizeof(err->message), message);
  }
  return value;
}

}  // namespace

void copy_utf8(char* out, size_t size, std::string_view text) noexcept {
  size_t at = 0;
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    const size_t step = std::max<size_t>(length, 1);
    if (at + step >= size) break;
    if (length == 0) {
      out[at] = '?';
    } else {
      std::memcpy(out + at, text.data(), step);
    }
    at += step;
    text.remove_prefix(step);
  }
  out[at] = '\0';
}

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

infill_status report_exception(infill_error* err) noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return report(err, error.status(), error.what(), error.native());
  } catch (const std::bad_alloc&) {
    return report(err, Status::kOutOfMemory, "out of memory");
  } catch (const std::system_error& error) {
    // Threads are the only thing of the system that is asked for.
    return report(err, Status::kOutOfMemory, error.what(), {Native::Kind::kErrno, error.code().value()});
  } catch (const std::exception& error) {
    return report(err, Status::kInternal, error.what());
  } catch (...) {
    return report(err, Status::kInternal, "an exception of unknown type, perhaps from a callback");
  }
}

}  // namespace infill::capi
