#include "output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "failure.h"

namespace cli {
namespace fs = std::filesystem;
namespace {

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// The mode that a file made by any other program would have.
mode_t new_file_mode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

bool to_disk(const fs::path& path, int flags) {
  const int file = open(path.c_str(), flags | O_CLOEXEC);
  if (file < 0) return false;
  const bool good = fsync(file) == 0;
  const int error = errno;
  close(file);
  errno = error;
  return good;
}

}  // namespace

void check_output_place(const fs::path& path) {
  const fs::path folder = folder_of(path);
  std::error_code error;
  if (!fs::is_directory(folder, error))
    fail(kOutput, path.string(), ": there is no folder ", folder.string());
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    fail(kOutput, path.string(), ": exists and is not an ordinary file");
  }
}

OutputFile::OutputFile(const fs::path& path) : path_(path) {
  check_output_place(path);
  std::error_code error;
  if (fs::is_symlink(path, error) && fs::exists(path, error)) path_ = fs::canonical(path, error);
  std::string name = (folder_of(path_) / ".infill-XXXXXX").string();
  const int file = mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) fail(kOutput, path.string(), ": ", std::strerror(errno));
  temporary_ = name;
  fchmod(file, new_file_mode());
  close(file);
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void OutputFile::commit() {
  if (!to_disk(temporary_, O_RDONLY) || rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail(kOutput, path_.string(), ": ", std::strerror(errno));
  }
  temporary_.clear();
  to_disk(folder_of(path_), O_RDONLY | O_DIRECTORY);  // the result is whole already: not every filesystem can
}

}  // namespace cli
