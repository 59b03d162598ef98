#include "zoo/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "core/status.h"

namespace infill::zoo {
namespace {

EVP_MD_CTX* context(void* state) {
  return static_cast<EVP_MD_CTX*>(state);
}

void check(int result) {
  if (result != 1) fail(Status::kInternal, "SHA-256: libcrypto refused");
}

}  // namespace

void Sha256::Free::operator()(void* state) const {
  EVP_MD_CTX_free(context(state));
}

Sha256::Sha256() : state_(EVP_MD_CTX_new()) {
  if (state_ == nullptr) fail(Status::kOutOfMemory, "SHA-256: out of memory");
  check(EVP_DigestInit_ex(context(state_.get()), EVP_sha256(), nullptr));
}

void Sha256::add(std::span<const std::byte> bytes) {
  check(EVP_DigestUpdate(context(state_.get()), bytes.data(), bytes.size()));
}

std::string Sha256::finish() {
  std::array<uint8_t, 32> digest{};
  check(EVP_DigestFinal_ex(context(state_.get()), digest.data(), nullptr));
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : digest) text += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  return text;
}

std::string sha256(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(bytes);
  return hash.finish();
}

}  // namespace infill::zoo
