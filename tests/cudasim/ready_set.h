// The threads of a block that could go on.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "cudasim/options.h"

namespace infill::cudasim {

class ReadySet {
 public:
  static constexpr unsigned kNone = ~0u;

  void clear() {
    words_.fill(0);
    filled_ = 0;
  }

  void insert(unsigned thread) {
    words_[thread / 64] |= uint64_t{1} << (thread % 64);
    filled_ |= 1u << (thread / 64);
  }

  // Takes one out as the schedule says, or kNone of an empty set.
  unsigned take(Schedule schedule, uint32_t& random_state) {
    if (filled_ == 0) return kNone;
    if (schedule == Schedule::kForward) return remove(lowest_word(), lowest_bit(words_[lowest_word()]));
    if (schedule == Schedule::kReverse) return remove(highest_word(), highest_bit(words_[highest_word()]));
    return take_random(random_state);
  }

 private:
  static unsigned lowest_bit(uint64_t word) { return static_cast<unsigned>(std::countr_zero(word)); }
  static unsigned highest_bit(uint64_t word) { return 63u - static_cast<unsigned>(std::countl_zero(word)); }
  [[nodiscard]] unsigned lowest_word() const { return static_cast<unsigned>(std::countr_zero(filled_)); }
  [[nodiscard]] unsigned highest_word() const {
    return 31u - static_cast<unsigned>(std::countl_zero(filled_));
  }

  unsigned remove(unsigned word, unsigned bit) {
    words_[word] &= ~(uint64_t{1} << bit);
    if (words_[word] == 0) filled_ &= ~(1u << word);
    return word * 64 + bit;
  }

  // The first one at or after a random position, cyclic.
  unsigned take_random(uint32_t& state) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    const unsigned start = state % 32;
    const uint32_t turned = std::rotr(filled_, static_cast<int>(start));
    const unsigned word = (start + static_cast<unsigned>(std::countr_zero(turned))) % 32;
    const int shift = static_cast<int>(state >> 8 & 63);
    const unsigned bit = (lowest_bit(std::rotr(words_[word], shift)) + static_cast<unsigned>(shift)) % 64;
    return remove(word, bit);
  }

  std::array<uint64_t, 16> words_{};  // 1024 threads
  uint32_t filled_ = 0;               // words that are not 0
};

}  // namespace infill::cudasim
