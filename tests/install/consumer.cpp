#include <cstdio>
#include <infill.hpp>

int main() {
  std::printf("%s\n", infill_build_info());
  return infill_version() == INFILL_VERSION ? 0 : 1;
}
