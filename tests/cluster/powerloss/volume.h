// A disk in memory that knows what of it would survive a power loss: the state of the file system
// that flotilla-powerloss-fs mounts.
//
// What a process sees is the page cache; what survives is what it synced. A write is safe after a
// sync of its file, a name (created, renamed, removed) after a sync of its directory. At a power
// loss each page of 4 KiB that was written and not synced is kept, lost or torn between two
// sectors, on its own, so that later writes may survive earlier ones; of the names, those up to
// some change are kept. A file grows up to the last page that was kept, with zeros for those before
// it that were not.
//
// Errors are errno's numbers. Not thread-safe.
#ifndef FLOTILLA_TESTS_CLUSTER_POWERLOSS_VOLUME_H_
#define FLOTILLA_TESTS_CLUSTER_POWERLOSS_VOLUME_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/env/random.h"

namespace flotilla::powerloss {

// A file or a directory.
struct Inode {
  explicit Inode(std::shared_ptr<uint64_t> all_bytes) : used(std::move(all_bytes)) {}
  ~Inode() { *used -= data.size(); }
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  uint64_t number = 0;
  mode_t mode = 0;
  timespec modified{};
  // Of a file: what a reader sees.
  std::string data;
  uint64_t synced_size = 0;
  // The pages that are not safe, with what survives of each when its new state does not.
  std::map<uint64_t, std::string> unsynced;
  // Those of them that a failed sync has dropped: no later sync makes them safe.
  std::set<uint64_t> dropped;
  // Of all files of the volume.
  const std::shared_ptr<uint64_t> used;
  // Of a directory.
  using Entries = std::map<std::string, std::shared_ptr<Inode>, std::less<>>;
  Entries entries;
  Entries synced_entries;

  bool is_directory() const;
};
using InodePtr = std::shared_ptr<Inode>;

// How the disk behaves; at once.
struct Behaviour {
  // Bytes of all files; beyond it, ENOSPC.
  uint64_t capacity = UINT64_C(4) << 30;
  // The next syncs of files that fail with EIO.
  uint32_t failing_syncs = 0;
  // Syncs are answered and not done; a power loss takes all since the last one that was done.
  bool lies = false;
};

class Volume {
 public:
  // `now` tells the time of changes.
  explicit Volume(timespec (*now)());

  Behaviour& behaviour() { return behaviour_; }

  // Paths begin with a slash. Null: there is none.
  InodePtr Find(std::string_view path) const;
  // ENOENT: no such directory; EEXIST.
  int Create(std::string_view path, mode_t mode, InodePtr* created);
  int Link(const InodePtr& inode, std::string_view path);
  int Rename(std::string_view from, std::string_view to);
  // ENOTEMPTY: a directory that is not empty.
  int Remove(std::string_view path);

  std::string Read(const Inode& file, uint64_t offset, uint64_t size) const;
  int Write(Inode& file, uint64_t offset, std::string_view data);
  int Truncate(Inode& file, uint64_t size);
  int SyncFile(Inode& file);
  int SyncDirectory(Inode& directory);

  // What was not synced is lost, kept or torn, as `random` says. REQUIRES: nothing is open.
  struct Loss {
    uint64_t pages = 0;
    uint64_t names = 0;
  };
  Loss PowerLoss(env::Random& random);

  uint64_t used() const { return *used_; }
  uint64_t syncs() const { return syncs_; }

 private:
  struct Edit {
    InodePtr directory;
    std::string name;
    // Null: there is none from now on.
    InodePtr inode;
  };
  // Names that change at once.
  using Change = std::vector<Edit>;

  // The directory that holds the last name of `path`, and that name.
  InodePtr Parent(std::string_view path, std::string* name) const;
  void Do(Change change);
  static void Apply(const Edit& edit, Inode::Entries& entries);
  void KeepOld(Inode& file, uint64_t first_byte, uint64_t end_byte);
  static void Resize(Inode& file, uint64_t size);
  uint64_t LoseNames(env::Random& random);
  uint64_t LosePages(Inode& file, env::Random& random, bool all);
  // As it is now, everything is safe.
  uint64_t Settle(Inode& inode, env::Random& random, bool all, std::set<const Inode*>& seen);

  timespec (*const now_)();
  Behaviour behaviour_;
  const std::shared_ptr<uint64_t> used_ = std::make_shared<uint64_t>(0);
  const InodePtr root_;
  // Changes of names that are not safe, oldest first.
  std::vector<Change> unsynced_;
  uint64_t next_number_ = 2;
  uint64_t syncs_ = 0;
};

}  // namespace flotilla::powerloss

#endif  // FLOTILLA_TESTS_CLUSTER_POWERLOSS_VOLUME_H_
