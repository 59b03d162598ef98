#pragma once

#include <filesystem>

namespace cli {

// infill info: the library, its devices and methods.
void print_library_info();
// infill info FILE: what a picture file holds. Throws kInput.
void print_file_info(const std::filesystem::path& path);

}  // namespace cli
