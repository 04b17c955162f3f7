#include "tests/cluster/powerloss/volume.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/check.h"

namespace flotilla::powerloss {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kSector = 512;
// A power loss takes everything that was not synced; else each page is on its own.
constexpr double kAllIsLost = 0.3;
constexpr double kPageIsKept = 0.4;
constexpr double kPageIsTorn = 0.2;

std::string PageOf(const std::string& data, uint64_t page) {
  const uint64_t begin = page * kPage;
  return begin >= data.size() ? std::string() : data.substr(begin, kPage);
}

}  // namespace

bool Inode::is_directory() const { return S_ISDIR(mode); }

Volume::Volume(timespec (*now)()) : now_(now), root_(std::make_shared<Inode>(used_)) {
  root_->number = 1;
  root_->mode = S_IFDIR | 0755;
  root_->modified = now_();
}

InodePtr Volume::Find(std::string_view path) const {
  InodePtr at = root_;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    if (name.empty()) continue;
    const auto entry = at->entries.find(name);
    if (entry == at->entries.end()) return nullptr;
    at = entry->second;
  }
  return at;
}

InodePtr Volume::Parent(std::string_view path, std::string* name) const {
  const size_t slash = path.rfind('/');
  *name = path.substr(slash + 1);
  InodePtr parent = Find(path.substr(0, slash));
  return parent != nullptr && parent->is_directory() ? parent : nullptr;
}

void Volume::Apply(const Edit& edit, Inode::Entries& entries) {
  if (edit.inode == nullptr) {
    entries.erase(edit.name);
  } else {
    entries[edit.name] = edit.inode;
  }
}

void Volume::Do(Change change) {
  for (const Edit& edit : change) {
    Apply(edit, edit.directory->entries);
    edit.directory->modified = now_();
  }
  unsynced_.push_back(std::move(change));
}

int Volume::Create(std::string_view path, mode_t mode, InodePtr* created) {
  std::string name;
  const InodePtr parent = Parent(path, &name);
  if (parent == nullptr) return ENOENT;
  if (parent->entries.contains(name)) return EEXIST;
  auto inode = std::make_shared<Inode>(used_);
  inode->number = next_number_++;
  inode->mode = mode;
  inode->modified = now_();
  Do({{parent, name, inode}});
  *created = std::move(inode);
  return 0;
}

int Volume::Link(const InodePtr& inode, std::string_view path) {
  std::string name;
  const InodePtr parent = Parent(path, &name);
  if (parent == nullptr) return ENOENT;
  if (parent->entries.contains(name)) return EEXIST;
  Do({{parent, name, inode}});
  return 0;
}

int Volume::Rename(std::string_view from, std::string_view to) {
  std::string old_name;
  std::string new_name;
  const InodePtr old_parent = Parent(from, &old_name);
  const InodePtr new_parent = Parent(to, &new_name);
  const InodePtr inode = Find(from);
  if (old_parent == nullptr || new_parent == nullptr || inode == nullptr) return ENOENT;
  const InodePtr replaced = Find(to);
  if (replaced == inode) return 0;
  if (replaced != nullptr && !replaced->entries.empty()) return ENOTEMPTY;
  Do({{new_parent, new_name, inode}, {old_parent, old_name, nullptr}});
  return 0;
}

int Volume::Remove(std::string_view path) {
  std::string name;
  const InodePtr parent = Parent(path, &name);
  const InodePtr inode = Find(path);
  if (parent == nullptr || inode == nullptr) return ENOENT;
  if (!inode->entries.empty()) return ENOTEMPTY;
  // Its bytes count until it is gone for good: as on a disk, where they are still needed should the
  // removal be lost.
  Do({{parent, name, nullptr}});
  return 0;
}

std::string Volume::Read(const Inode& file, uint64_t offset, uint64_t size) const {
  return offset >= file.data.size() ? std::string() : file.data.substr(offset, size);
}

void Volume::KeepOld(Inode& file, uint64_t first_byte, uint64_t end_byte) {
  for (uint64_t page = first_byte / kPage; page * kPage < end_byte; ++page) {
    // What came behind the synced size was never safe: nothing of it is to be kept.
    if (!file.unsynced.contains(page)) file.unsynced[page] = PageOf(file.data, page);
    file.dropped.erase(page);
  }
}

void Volume::Resize(Inode& file, uint64_t size) {
  *file.used += size;
  *file.used -= file.data.size();
  file.data.resize(size);
}

int Volume::Write(Inode& file, uint64_t offset, std::string_view data) {
  const uint64_t end = offset + data.size();
  if (end > file.data.size() && *used_ + end - file.data.size() > behaviour_.capacity)
    return ENOSPC;
  KeepOld(file, std::min(offset, static_cast<uint64_t>(file.data.size())), end);
  if (end > file.data.size()) Resize(file, end);
  file.data.replace(offset, data.size(), data);
  file.modified = now_();
  return 0;
}

int Volume::Truncate(Inode& file, uint64_t size) {
  const uint64_t old_size = file.data.size();
  if (size > old_size && *used_ + size - old_size > behaviour_.capacity) return ENOSPC;
  KeepOld(file, std::min(size, old_size), std::max(size, old_size));
  Resize(file, size);
  file.modified = now_();
  return 0;
}

int Volume::SyncFile(Inode& file) {
  ++syncs_;
  if (behaviour_.failing_syncs > 0) {
    --behaviour_.failing_syncs;
    for (const auto& [page, old] : file.unsynced) file.dropped.insert(page);
    return EIO;
  }
  if (behaviour_.lies) return 0;
  std::erase_if(file.unsynced, [&](const auto& one) { return !file.dropped.contains(one.first); });
  file.synced_size = file.data.size();
  return 0;
}

int Volume::SyncDirectory(Inode& directory) {
  ++syncs_;
  if (behaviour_.lies) return 0;
  std::erase_if(unsynced_, [&](const Change& change) {
    const bool concerns = std::any_of(change.begin(), change.end(), [&](const Edit& edit) {
      return edit.directory.get() == &directory;
    });
    if (concerns) {
      for (const Edit& edit : change) Apply(edit, edit.directory->synced_entries);
    }
    return concerns;
  });
  return 0;
}

uint64_t Volume::LoseNames(env::Random& random) {
  const uint64_t kept = random.Uniform(unsynced_.size() + 1);
  for (uint64_t i = 0; i < kept; ++i) {
    for (const Edit& edit : unsynced_[i]) Apply(edit, edit.directory->synced_entries);
  }
  const uint64_t lost = unsynced_.size() - kept;
  unsynced_.clear();
  return lost;
}

uint64_t Volume::LosePages(Inode& file, env::Random& random, bool all) {
  uint64_t lost = 0;
  uint64_t size = file.synced_size;
  // A file that was cut may have its old length again.
  if (file.data.size() < size && random.Chance(kPageIsKept)) size = file.data.size();
  const std::string seen = file.data;
  for (const auto& [page, old] : file.unsynced) {
    std::string survives = PageOf(seen, page);
    const bool is_lost = all || survives.empty() || file.dropped.contains(page);
    const double fate = is_lost ? 1 : random.Fraction();
    uint64_t new_bytes = survives.size();
    if (fate >= kPageIsKept) {
      ++lost;
      new_bytes = fate < kPageIsKept + kPageIsTorn ? random.Uniform(kPage / kSector) * kSector : 0;
      new_bytes = std::min<uint64_t>(new_bytes, survives.size());
      survives.resize(new_bytes);
      if (old.size() > new_bytes) survives.append(old, new_bytes);
    }
    if (new_bytes > 0) size = std::max(size, page * kPage + new_bytes);
    survives.resize(kPage);
    if (file.data.size() < (page + 1) * kPage) Resize(file, (page + 1) * kPage);
    file.data.replace(page * kPage, kPage, survives);
  }
  Resize(file, size);
  file.unsynced.clear();
  file.dropped.clear();
  file.synced_size = size;
  return lost;
}

uint64_t Volume::Settle(Inode& inode, env::Random& random, bool all, std::set<const Inode*>& seen) {
  // A file may have two names.
  if (!seen.insert(&inode).second) return 0;
  if (!inode.is_directory()) return LosePages(inode, random, all);
  uint64_t lost = 0;
  inode.entries = inode.synced_entries;
  for (const auto& [name, child] : inode.entries) lost += Settle(*child, random, all, seen);
  return lost;
}

Volume::Loss Volume::PowerLoss(env::Random& random) {
  Loss loss;
  // A cache that lies is lost as a whole.
  const bool all = behaviour_.lies || random.Chance(kAllIsLost);
  if (all) {
    loss.names = unsynced_.size();
    unsynced_.clear();
  } else {
    loss.names = LoseNames(random);
  }
  std::set<const Inode*> seen;
  loss.pages = Settle(*root_, random, all, seen);
  return loss;
}

}  // namespace flotilla::powerloss
