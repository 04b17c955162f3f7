#define FUSE_USE_VERSION 35
#include "tests/cluster/powerloss/mounted_volume.h"

#include <fuse.h>
#include <spdlog/fmt/fmt.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sstream>

namespace flotilla::powerloss {
namespace {

constexpr uint64_t kBlock = 4096;

timespec WallNow() {
  const int64_t ms = env::SystemClock().WallMillis();
  return {ms / 1000, ms % 1000 * 1'000'000};
}

MountedVolume& Mounted() { return *static_cast<MountedVolume*>(fuse_get_context()->private_data); }

// What an open file is to the kernel: a pointer to its inode, which lives as long.
InodePtr& Opened(fuse_file_info* info) { return *reinterpret_cast<InodePtr*>(info->fh); }
void SetOpened(fuse_file_info* info, InodePtr inode) {
  info->fh = reinterpret_cast<uint64_t>(new InodePtr(std::move(inode)));
}

// Runs `use` on the inode that is open or has that name; ENOENT.
int WithInode(const char* path, fuse_file_info* info,
              const std::function<int(Volume&, const InodePtr&)>& use) {
  return -Mounted().With([&](Volume& volume) {
    const InodePtr inode = info != nullptr ? Opened(info) : volume.Find(path);
    return inode == nullptr ? ENOENT : use(volume, inode);
  });
}

int GetAttributes(const char* path, struct stat* out, fuse_file_info* info) {
  return WithInode(path, info, [&](Volume&, const InodePtr& inode) {
    *out = {};
    out->st_ino = inode->number;
    out->st_mode = inode->mode;
    out->st_nlink = 1;
    out->st_size = static_cast<off_t>(inode->data.size());
    out->st_blocks = static_cast<blkcnt_t>((inode->data.size() + 511) / 512);
    out->st_mtim = out->st_ctim = out->st_atim = inode->modified;
    return 0;
  });
}

int MakeDirectory(const char* path, mode_t mode) {
  InodePtr made;
  return -Mounted().With(
      [&](Volume& volume) { return volume.Create(path, S_IFDIR | (mode & 07777), &made); });
}

int Create(const char* path, mode_t mode, fuse_file_info* info) {
  InodePtr made;
  const int error = Mounted().With(
      [&](Volume& volume) { return volume.Create(path, S_IFREG | (mode & 07777), &made); });
  if (error == 0) SetOpened(info, made);
  return -error;
}

int Open(const char* path, fuse_file_info* info) {
  return WithInode(path, nullptr, [&](Volume&, const InodePtr& inode) {
    SetOpened(info, inode);
    return 0;
  });
}

int Release(const char*, fuse_file_info* info) {
  return -Mounted().With([&](Volume&) {
    delete &Opened(info);
    return 0;
  });
}

int Remove(const char* path) {
  return -Mounted().With([&](Volume& volume) { return volume.Remove(path); });
}

int Rename(const char* from, const char* to, unsigned flags) {
  if (flags != 0) return -EINVAL;
  return -Mounted().With([&](Volume& volume) { return volume.Rename(from, to); });
}

int Link(const char* from, const char* to) {
  return WithInode(from, nullptr,
                   [&](Volume& volume, const InodePtr& inode) { return volume.Link(inode, to); });
}

int Read(const char* path, char* out, size_t size, off_t offset, fuse_file_info* info) {
  size_t length = 0;
  const int error = WithInode(path, info, [&](Volume& volume, const InodePtr& inode) {
    const std::string data = volume.Read(*inode, static_cast<uint64_t>(offset), size);
    std::memcpy(out, data.data(), data.size());
    length = data.size();
    return 0;
  });
  return error != 0 ? error : static_cast<int>(length);
}

int Write(const char* path, const char* data, size_t size, off_t offset, fuse_file_info* info) {
  const int error = WithInode(path, info, [&](Volume& volume, const InodePtr& inode) {
    return volume.Write(*inode, static_cast<uint64_t>(offset), {data, size});
  });
  return error != 0 ? error : static_cast<int>(size);
}

int Truncate(const char* path, off_t size, fuse_file_info* info) {
  return WithInode(path, info, [&](Volume& volume, const InodePtr& inode) {
    return volume.Truncate(*inode, static_cast<uint64_t>(size));
  });
}

// Room is given as files grow; nothing is kept for them ahead of that.
int Allocate(const char*, int, off_t, off_t, fuse_file_info*) { return 0; }

int Sync(const char* path, int, fuse_file_info* info) {
  Mounted().AwaitSync();
  return WithInode(path, info,
                   [](Volume& volume, const InodePtr& inode) { return volume.SyncFile(*inode); });
}

int SyncDirectory(const char* path, int, fuse_file_info* info) {
  Mounted().AwaitSync();
  return WithInode(path, info, [](Volume& volume, const InodePtr& inode) {
    return volume.SyncDirectory(*inode);
  });
}

int List(const char* path, void* buffer, fuse_fill_dir_t fill, off_t, fuse_file_info* info,
         fuse_readdir_flags) {
  return WithInode(path, info, [&](Volume&, const InodePtr& inode) {
    for (const char* name : {".", ".."}) {
      fill(buffer, name, nullptr, 0, fuse_fill_dir_flags{});
    }
    for (const auto& [name, child] : inode->entries) {
      fill(buffer, name.c_str(), nullptr, 0, fuse_fill_dir_flags{});
    }
    return 0;
  });
}

int SetMode(const char* path, mode_t mode, fuse_file_info* info) {
  return WithInode(path, info, [&](Volume&, const InodePtr& inode) {
    inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
    return 0;
  });
}

int SetTimes(const char* path, const timespec times[2], fuse_file_info* info) {
  return WithInode(path, info, [&](Volume&, const InodePtr& inode) {
    inode->modified = times[1];
    return 0;
  });
}

int Statistics(const char*, struct statvfs* out) {
  return -Mounted().With([&](Volume& volume) {
    *out = {};
    out->f_bsize = out->f_frsize = kBlock;
    out->f_namemax = 255;
    const uint64_t capacity = volume.behaviour().capacity;
    out->f_blocks = capacity / kBlock;
    out->f_bfree = out->f_bavail = (capacity - std::min(capacity, volume.used())) / kBlock;
    return 0;
  });
}

void* Configure(fuse_conn_info*, fuse_config* config) {
  // The files of a process that died may have changed by a power loss: nothing that the kernel knew
  // of them holds.
  config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
  config->hard_remove = 1;
  config->nullpath_ok = 1;
  config->use_ino = 1;
  return fuse_get_context()->private_data;
}

fuse_operations Operations() {
  fuse_operations operations{};
  operations.init = Configure;
  operations.getattr = GetAttributes;
  operations.mkdir = MakeDirectory;
  operations.create = Create;
  operations.open = operations.opendir = Open;
  operations.release = operations.releasedir = Release;
  operations.unlink = operations.rmdir = Remove;
  operations.rename = Rename;
  operations.link = Link;
  operations.read = Read;
  operations.write = Write;
  operations.truncate = Truncate;
  operations.fallocate = Allocate;
  operations.fsync = Sync;
  operations.fsyncdir = SyncDirectory;
  operations.readdir = List;
  operations.chmod = SetMode;
  operations.utimens = SetTimes;
  operations.statfs = Statistics;
  return operations;
}

}  // namespace

MountedVolume::MountedVolume() : volume_(WallNow) {}

int MountedVolume::Serve(const std::string& mount_point) {
  std::string program = "flotilla-powerloss-fs";
  char* arguments[] = {program.data(), nullptr};
  fuse_args fuse_arguments = FUSE_ARGS_INIT(1, arguments);
  const fuse_operations operations = Operations();
  fuse* const served = fuse_new(&fuse_arguments, &operations, sizeof(operations), this);
  if (served == nullptr) return 1;
  if (fuse_mount(served, mount_point.c_str()) != 0) {
    fuse_destroy(served);
    return 1;
  }
  fuse_set_signal_handlers(fuse_get_session(served));
  fuse_loop_config config{};
  config.max_idle_threads = 10;
  const int ended = fuse_loop_mt(served, &config);
  fuse_unmount(served);
  fuse_destroy(served);
  return ended < 0 ? 1 : 0;
}

int MountedVolume::With(const std::function<int(Volume&)>& use) {
  MutexLock lock(mutex_);
  return use(volume_);
}

void MountedVolume::AwaitSync() {
  const env::Instant begin = clock_.Now();
  MutexLock lock(mutex_);
  while (sync_delay_ > clock_.Now() - begin) {
    changed_.WaitFor(mutex_, sync_delay_ - (clock_.Now() - begin));
  }
}

std::string MountedVolume::Command(const std::string& line) {
  std::istringstream words(line);
  std::string what;
  uint64_t number = 0;
  words >> what;
  const bool has_number = static_cast<bool>(words >> number);
  MutexLock lock(mutex_);
  if (what == "used") {
    return fmt::format("ok {} bytes, {} syncs", volume_.used(), volume_.syncs());
  }
  if (!has_number) return fmt::format("error: {} needs a number", line);
  if (what == "power-loss") {
    env::Random random(number);
    const Volume::Loss loss = volume_.PowerLoss(random);
    return fmt::format("ok lost {} pages and {} changes of names", loss.pages, loss.names);
  }
  Behaviour& behaviour = volume_.behaviour();
  if (what == "capacity") {
    behaviour.capacity = number;
  } else if (what == "sync-delay") {
    sync_delay_ = std::chrono::milliseconds(number);
    changed_.NotifyAll();
  } else if (what == "fail-syncs") {
    behaviour.failing_syncs = static_cast<uint32_t>(number);
  } else if (what == "lie") {
    behaviour.lies = number != 0;
  } else {
    return fmt::format("error: there is no command {}", what);
  }
  return "ok";
}

}  // namespace flotilla::powerloss
