#include "common/env/memory_file_system.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "common/base/check.h"
#include "common/base/status_macros.h"

namespace flotilla::env {
namespace {

struct File {
  std::string data;
  std::string synced;
  uint64_t allocated = 0;  // Without data.
};

// A directory has no file.
using Names = std::map<std::string, std::shared_ptr<File>>;

absl::Status NotFound(const std::string& path) {
  return absl::NotFoundError(absl::StrFormat("%s: no such file or directory", path));
}

bool IsInside(const std::string& path, const std::string& dir) {
  return path.size() > dir.size() + 1 && path.starts_with(dir) && path[dir.size()] == '/';
}

}  // namespace

struct MemoryFileSystem::Shared {
  mutable Mutex mutex;
  Names live ABSL_GUARDED_BY(mutex);
  Names durable ABSL_GUARDED_BY(mutex);
  std::set<std::string> locks ABSL_GUARDED_BY(mutex);
  uint64_t capacity ABSL_GUARDED_BY(mutex) = UINT64_MAX;

  uint64_t TotalBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    uint64_t bytes = 0;
    for (const auto& [path, file] : live) {
      if (file != nullptr) bytes += file->data.size() + file->allocated;
    }
    return bytes;
  }
  bool IsDir(const std::string& path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (path == "." || path == "/") return true;
    const auto it = live.find(path);
    return it != live.end() && it->second == nullptr;
  }
};

class MemoryFileSystem::Writable final : public WritableFile {
 public:
  Writable(std::shared_ptr<Shared> shared, std::string path, std::shared_ptr<File> file)
      : shared_(std::move(shared)), path_(std::move(path)), file_(std::move(file)) {}

  absl::Status Append(std::string_view data) override {
    MutexLock lock(shared_->mutex);
    if (shared_->capacity - std::min(shared_->capacity, shared_->TotalBytes()) < data.size()) {
      return absl::ResourceExhaustedError(absl::StrFormat("write %s: no space left", path_));
    }
    file_->data.append(data);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    MutexLock lock(shared_->mutex);
    file_->synced = file_->data;
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::string path_;
  const std::shared_ptr<File> file_;
};

class MemoryFileSystem::Readable final : public ReadableFile {
 public:
  Readable(std::shared_ptr<Shared> shared, std::shared_ptr<File> file)
      : shared_(std::move(shared)), file_(std::move(file)) {}

  absl::Status ReadAt(uint64_t offset, size_t max_bytes, std::string& out) const override {
    MutexLock lock(shared_->mutex);
    const std::string& data = file_->data;
    out = offset >= data.size() ? std::string() : data.substr(offset, max_bytes);
    return absl::OkStatus();
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<File> file_;
};

class MemoryFileSystem::HeldLock final : public FileLock {
 public:
  HeldLock(std::shared_ptr<Shared> shared, std::string path)
      : shared_(std::move(shared)), path_(std::move(path)) {}
  ~HeldLock() override {
    MutexLock lock(shared_->mutex);
    shared_->locks.erase(path_);
  }

 private:
  const std::shared_ptr<Shared> shared_;
  const std::string path_;
};

MemoryFileSystem::MemoryFileSystem() : shared_(std::make_shared<Shared>()) {}
MemoryFileSystem::~MemoryFileSystem() = default;

absl::Status MemoryFileSystem::CreateDir(const std::string& path) {
  if (path.empty() || path == "." || path == "/") return absl::OkStatus();
  RETURN_IF_ERROR(CreateDir(ParentDir(path)));
  MutexLock lock(shared_->mutex);
  const auto [it, added] = shared_->live.try_emplace(path, nullptr);
  if (it->second != nullptr) {
    return absl::AlreadyExistsError(absl::StrFormat("%s exists and is no directory", path));
  }
  shared_->durable[path] = nullptr;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::List(const std::string& dir) const {
  MutexLock lock(shared_->mutex);
  if (!shared_->IsDir(dir)) return NotFound(dir);
  std::vector<std::string> names;
  for (const auto& [path, file] : shared_->live) {
    if (ParentDir(path) == dir) names.push_back(path.substr(dir == "/" ? 1 : dir.size() + 1));
  }
  return names;
}

absl::StatusOr<std::unique_ptr<WritableFile>> MemoryFileSystem::NewWritableFile(
    const std::string& path) {
  MutexLock lock(shared_->mutex);
  if (!shared_->IsDir(ParentDir(path))) return NotFound(ParentDir(path));
  if (shared_->IsDir(path)) {
    return absl::InternalError(absl::StrFormat("create %s: is a directory", path));
  }
  auto file = std::make_shared<File>();
  shared_->live[path] = file;
  return std::make_unique<Writable>(shared_, path, std::move(file));
}

absl::StatusOr<std::unique_ptr<ReadableFile>> MemoryFileSystem::NewReadableFile(
    const std::string& path) const {
  MutexLock lock(shared_->mutex);
  const auto it = shared_->live.find(path);
  if (it == shared_->live.end() || it->second == nullptr) return NotFound(path);
  return std::make_unique<Readable>(shared_, it->second);
}

absl::Status MemoryFileSystem::Link(const std::string& from, const std::string& to) {
  MutexLock lock(shared_->mutex);
  const auto it = shared_->live.find(from);
  if (it == shared_->live.end() || it->second == nullptr) return NotFound(from);
  if (!shared_->IsDir(ParentDir(to))) return NotFound(ParentDir(to));
  if (!shared_->live.try_emplace(to, it->second).second) {
    return absl::AlreadyExistsError(absl::StrFormat("link %s to %s: it exists", from, to));
  }
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(shared_->mutex);
  Names& live = shared_->live;
  const auto it = live.find(from);
  if (it == live.end()) return NotFound(from);
  if (!shared_->IsDir(ParentDir(to))) return NotFound(ParentDir(to));
  const bool is_dir = it->second == nullptr;
  const auto target = live.find(to);
  if (target != live.end() && (is_dir || target->second == nullptr)) {
    return absl::AlreadyExistsError(absl::StrFormat("rename %s to %s: it exists", from, to));
  }
  Names moved;
  for (auto path = live.begin(); path != live.end();) {
    if (path->first == from || IsInside(path->first, from)) {
      moved[to + path->first.substr(from.size())] = path->second;
      path = live.erase(path);
    } else {
      ++path;
    }
  }
  for (auto& [path, file] : moved) live[path] = std::move(file);
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::Remove(const std::string& path) {
  MutexLock lock(shared_->mutex);
  const auto it = shared_->live.find(path);
  if (it == shared_->live.end()) return NotFound(path);
  const auto next = std::next(it);
  if (next != shared_->live.end() && IsInside(next->first, path)) {
    return absl::InternalError(absl::StrFormat("remove %s: the directory is not empty", path));
  }
  shared_->live.erase(it);
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::RemoveAll(const std::string& path) {
  MutexLock lock(shared_->mutex);
  std::erase_if(shared_->live, [&path](const auto& entry) {
    return entry.first == path || IsInside(entry.first, path);
  });
  return absl::OkStatus();
}

bool MemoryFileSystem::Exists(const std::string& path) const {
  MutexLock lock(shared_->mutex);
  return shared_->live.contains(path);
}

absl::StatusOr<uint64_t> MemoryFileSystem::FileSize(const std::string& path) const {
  MutexLock lock(shared_->mutex);
  const auto it = shared_->live.find(path);
  if (it == shared_->live.end() || it->second == nullptr) return NotFound(path);
  return it->second->data.size() + it->second->allocated;
}

absl::StatusOr<DiskSpace> MemoryFileSystem::Space(const std::string& path) const {
  MutexLock lock(shared_->mutex);
  if (!shared_->IsDir(path) && !shared_->live.contains(path)) return NotFound(path);
  constexpr uint64_t kUnlimited = uint64_t{1} << 40;
  const uint64_t capacity = std::min(shared_->capacity, kUnlimited);
  return DiskSpace{capacity, capacity - std::min(capacity, shared_->TotalBytes())};
}

absl::Status MemoryFileSystem::Allocate(const std::string& path, uint64_t bytes) {
  MutexLock lock(shared_->mutex);
  if (!shared_->IsDir(ParentDir(path))) return NotFound(ParentDir(path));
  shared_->live.erase(path);
  if (shared_->capacity - std::min(shared_->capacity, shared_->TotalBytes()) < bytes) {
    return absl::ResourceExhaustedError(absl::StrFormat("allocate %s: no space left", path));
  }
  auto file = std::make_shared<File>();
  file->allocated = bytes;
  shared_->live[path] = std::move(file);
  return absl::OkStatus();
}

absl::Status MemoryFileSystem::SyncDir(const std::string& dir) {
  MutexLock lock(shared_->mutex);
  if (!shared_->IsDir(dir)) return NotFound(dir);
  // Names below a renamed directory move with it: syncing its parent makes them durable as far as
  // they were in the directory that it was.
  std::set<const File*> durable_files = {nullptr};
  for (const auto& [path, file] : shared_->durable) durable_files.insert(file.get());
  std::set<std::string> new_dirs;
  for (const auto& entry : shared_->live) {
    const auto& [path, file] = entry;
    const bool below_new = std::any_of(new_dirs.begin(), new_dirs.end(), [&](const auto& parent) {
      return IsInside(entry.first, parent);
    });
    if (ParentDir(path) != dir && !(below_new && durable_files.contains(file.get()))) continue;
    if (file == nullptr && !shared_->durable.contains(path)) new_dirs.insert(path);
    shared_->durable[path] = file;
  }
  std::erase_if(shared_->durable, [&](const auto& entry) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (!IsInside(entry.first, dir) && ParentDir(entry.first) != dir) return false;
    if (shared_->live.contains(entry.first)) return false;
    if (ParentDir(entry.first) == dir) return true;
    // The file goes with a directory between it and `dir` that was removed or renamed.
    for (std::string parent = ParentDir(entry.first); parent != dir; parent = ParentDir(parent)) {
      if (ParentDir(parent) == dir) return !shared_->live.contains(parent);
    }
    return false;
  });
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  MutexLock lock(shared_->mutex);
  if (!shared_->IsDir(ParentDir(path))) return NotFound(ParentDir(path));
  if (!shared_->locks.insert(path).second) {
    return absl::UnavailableError(
        absl::StrFormat("%s is locked: another process uses its directory", path));
  }
  shared_->live.try_emplace(path, std::make_shared<File>());
  return std::make_unique<HeldLock>(shared_, path);
}

void MemoryFileSystem::Crash() {
  MutexLock lock(shared_->mutex);
  CHECK(shared_->locks.empty()) << *shared_->locks.begin() << " is held over a crash";
  shared_->live = shared_->durable;
  for (auto& [path, file] : shared_->live) {
    if (file != nullptr) file->data = file->synced;
  }
}

void MemoryFileSystem::CopyDurable(const MemoryFileSystem& other) {
  CHECK(&other != this);
  Names copy;
  {
    MutexLock lock(other.shared_->mutex);
    std::map<const File*, std::shared_ptr<File>> copies;  // A file may have several names.
    for (const auto& [path, file] : other.shared_->durable) {
      if (file == nullptr) {
        copy.emplace(path, nullptr);
        continue;
      }
      std::shared_ptr<File>& copied = copies[file.get()];
      if (copied == nullptr) copied = std::make_shared<File>(*file);
      copied->data = copied->synced;
      copy.emplace(path, copied);
    }
  }
  MutexLock lock(shared_->mutex);
  CHECK(shared_->locks.empty()) << *shared_->locks.begin() << " is held over a copy";
  shared_->live = copy;
  shared_->durable = std::move(copy);
}

// Names of a directory that is on one side only, as one that was renamed, are those of that side:
// renames are atomic.
void MemoryFileSystem::CrashTorn(Random random) {
  MutexLock lock(shared_->mutex);
  CHECK(shared_->locks.empty()) << *shared_->locks.begin() << " is held over a crash";
  std::map<std::string, bool> takes_live = {{".", random.Chance(0.5)}, {"/", random.Chance(0.5)}};
  std::map<std::string, std::pair<bool, bool>> dirs;
  for (const auto& [path, file] : shared_->live) dirs[path].first |= file == nullptr;
  for (const auto& [path, file] : shared_->durable) dirs[path].second |= file == nullptr;
  for (const auto& [path, is_dir] : dirs) {
    const bool draws = is_dir.first && is_dir.second;
    takes_live[path] = draws ? random.Chance(0.5) : is_dir.first;
  }
  Names left;
  const auto take = [&](const Names& names, bool live) {
    for (const auto& [path, file] : names) {
      const std::string dir = ParentDir(path);
      const bool has_dir = dir == "." || dir == "/" || left.contains(dir);
      if (has_dir && takes_live[dir] == live) left.emplace(path, file);
    }
  };
  // Parents sort before what is in them, but one side's may be in the other's.
  for (size_t before = SIZE_MAX; before != left.size();) {
    before = left.size();
    take(shared_->live, true);
    take(shared_->durable, false);
  }
  for (auto& [path, file] : left) {
    if (file == nullptr || file->data.size() <= file->synced.size()) continue;
    const size_t kept = random.Uniform(file->data.size() - file->synced.size() + 1);
    file->data.resize(file->synced.size() + kept);
    if (kept > 0 && random.Chance(0.5)) file->data.back() ^= 1;
    file->synced = file->data;
  }
  shared_->live = left;
  shared_->durable = std::move(left);
}

void MemoryFileSystem::SetCapacity(uint64_t bytes) {
  MutexLock lock(shared_->mutex);
  shared_->capacity = bytes;
}

void MemoryFileSystem::Corrupt(const std::string& path, uint64_t offset) {
  MutexLock lock(shared_->mutex);
  const auto it = shared_->live.find(path);
  CHECK(it != shared_->live.end() && it->second != nullptr) << path;
  CHECK_LT(offset, it->second->data.size()) << path;
  it->second->data[offset] ^= 1;
}

uint64_t MemoryFileSystem::TotalBytes() const {
  MutexLock lock(shared_->mutex);
  return shared_->TotalBytes();
}

}  // namespace flotilla::env
