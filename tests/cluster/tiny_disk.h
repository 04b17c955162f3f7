// A directory on a disk of its own that is small enough to be filled: a tmpfs.
#ifndef FLOTILLA_TESTS_CLUSTER_TINY_DISK_H_
#define FLOTILLA_TESTS_CLUSTER_TINY_DISK_H_

#include <string>

namespace flotilla::cluster_test {

class TinyDisk {
 public:
  // What is in `directory` moves there. REQUIRES: nobody uses it.
  TinyDisk(const std::string& directory, int mebibytes);
  ~TinyDisk();
  TinyDisk(const TinyDisk&) = delete;
  TinyDisk& operator=(const TinyDisk&) = delete;

  // Somebody else takes all that is free.
  void Fill();
  void Free();

 private:
  const std::string directory_;
  const std::string filler_;
};

}  // namespace flotilla::cluster_test

#endif  // FLOTILLA_TESTS_CLUSTER_TINY_DISK_H_
