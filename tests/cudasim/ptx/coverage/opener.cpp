// A program without CUDA that opens a library with kernels. Usage: opener LIBRARY
#include <dlfcn.h>

#include <cstdio>

int main(int argc, char** argv) {
  void* library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  if (library == nullptr) {
    std::fprintf(stderr, "opener: %s\n", argc == 2 ? dlerror() : "which library?");
    return 1;
  }
  auto* run = reinterpret_cast<int (*)()>(dlsym(library, "run_square"));
  return run != nullptr ? run() : 1;
}
