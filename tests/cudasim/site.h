// Where in a kernel's source something happened.
#pragma once

namespace infill::cudasim {

// A place known by file and line (collectives take it as a default argument), or by the address of the
// instruction that follows it (loads and stores); the report finds the line then.
struct Site {
  const char* file = nullptr;
  int line = 0;
  const void* pc = nullptr;

  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return Site{file, line, nullptr};
  }
  static constexpr Site at(const void* pc) { return Site{nullptr, 0, pc}; }

  friend constexpr bool operator==(const Site& a, const Site& b) {
    return a.file == b.file && a.line == b.line && a.pc == b.pc;
  }
  friend constexpr bool operator!=(const Site& a, const Site& b) { return !(a == b); }
};

}  // namespace infill::cudasim
