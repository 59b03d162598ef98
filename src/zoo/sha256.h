// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto, which uses the processor's instructions for it.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

namespace infill::zoo {

class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> bytes);
  // Of all that was added: 64 lower-case hexadecimal digits. The object is of no use afterwards.
  [[nodiscard]] std::string finish();

 private:
  struct Free {
    void operator()(void* state) const;
  };
  std::unique_ptr<void, Free> state_;
};

[[nodiscard]] std::string sha256(std::span<const std::byte> bytes);

}  // namespace infill::zoo
