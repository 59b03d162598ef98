#pragma once

#include <infill.h>

#include <filesystem>

namespace cli {

// infill info: the library, its devices and methods.
void print_library_info();
// The settings of a session's method, that --set changes.
void print_settings(infill_session* session);
// infill info FILE: what a picture file holds. Throws kInput.
void print_file_info(const std::filesystem::path& path);

}  // namespace cli
