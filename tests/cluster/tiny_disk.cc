#include "tests/cluster/tiny_disk.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>

namespace flotilla::cluster_test {

TinyDisk::TinyDisk(const std::string& directory, int mebibytes)
    : directory_(directory), filler_(directory + "/filler") {
  const std::string aside = directory_ + ".aside";
  std::filesystem::rename(directory_, aside);
  std::filesystem::create_directory(directory_);
  const std::string options = "size=" + std::to_string(mebibytes) + "m";
  EXPECT_EQ(mount("tmpfs", directory_.c_str(), "tmpfs", 0, options.c_str()), 0)
      << "mounting a tmpfs needs the rights of root";
  std::filesystem::copy(aside, directory_, std::filesystem::copy_options::recursive);
  std::filesystem::remove_all(aside);
}

// Detached: processes of the test may still be there.
TinyDisk::~TinyDisk() { umount2(directory_.c_str(), MNT_DETACH); }

void TinyDisk::Fill() {
  std::ofstream file(filler_, std::ios::binary | std::ios::app);
  const std::string block(64 << 10, 'f');
  while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

void TinyDisk::Free() { std::filesystem::remove(filler_); }

}  // namespace flotilla::cluster_test
