// A file that appears whole or not at all.
#pragma once

#include <filesystem>

namespace cli {

// Makes an empty temporary file in the folder of `path`, to be written by name; commit() brings it to the
// disk and renames it over `path`. Without commit() the temporary file is removed. Failures are kOutput.
class OutputFile {
 public:
  explicit OutputFile(const std::filesystem::path& path);
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  ~OutputFile();

  [[nodiscard]] const std::filesystem::path& temporary() const { return temporary_; }
  void commit();

 private:
  std::filesystem::path path_, temporary_;
};

// Throws kOutput when `path` cannot become an output: its folder is missing, or it is a folder or a device.
void check_output_place(const std::filesystem::path& path);

}  // namespace cli
