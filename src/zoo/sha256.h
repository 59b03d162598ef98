// SHA-256 (FIPS 180-4).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace infill::zoo {

class Sha256 {
 public:
  void add(std::span<const std::byte> bytes);
  // Of all that was added: 64 lower-case hexadecimal digits. The object is of no use afterwards.
  [[nodiscard]] std::string finish();

 private:
  static constexpr size_t kBlock = 64;
  void compress(const std::byte* block);

  std::array<uint32_t, 8> state_{0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
  std::array<std::byte, kBlock> rest_{};  // what does not fill a block yet
  uint64_t size_ = 0;
};

// advance(bytes that were read) comes every now and then, if given, and may throw to stop.
[[nodiscard]] std::string sha256(std::span<const std::byte> bytes,
                                 const std::function<void(uint64_t)>& advance = {});

}  // namespace infill::zoo
