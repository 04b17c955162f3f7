#include "tests/support/kv_history.h"

#include <utility>

#include "common/base/check.h"
#include "common/base/coding.h"
#include "common/base/log.h"

namespace flotilla::testing {

std::string EncodeKvCommand(const KvCommand& command) {
  std::string out(1, static_cast<char>(command.kind));
  PutLengthPrefixed(out, command.key);
  PutLengthPrefixed(out, command.value);
  return out;
}

KvCommand DecodeKvCommand(std::string_view data) {
  CHECK(!data.empty());
  KvCommand command;
  command.kind = static_cast<KvCommand::Kind>(data.front());
  data.remove_prefix(1);
  std::string_view key;
  std::string_view value;
  CHECK(GetLengthPrefixed(data, key) && GetLengthPrefixed(data, value) && data.empty());
  command.key = std::string(key);
  command.value = std::string(value);
  return command;
}

void KvHistory::Execute(const KvCommand& command, std::string& value) {
  if (command.kind == KvCommand::Kind::kAppend) {
    value += "," + command.value;
  } else {
    value = command.value;
  }
}

void KvHistory::OnApply(RegionId region, raft::EntryId at, int ordinal, const KvCommand& command,
                        uint64_t digest) {
  const Place place{at.index, ordinal};
  auto [seen, is_new] =
      applied_.emplace(std::pair(region, place), Applied{at.term, command, digest});
  if (!is_new) {
    const Applied& other = seen->second;
    if (other.term != at.term || other.command != command) {
      violations_.Add(fmt::format(
          "region {} index {}: applied {}={} of term {} and {}={} of term {}", region, at.index,
          other.command.key, other.command.value, other.term, command.key, command.value, at.term));
    } else if (other.digest != digest) {
      violations_.Add(fmt::format("region {} index {}: what replicas applied before {}={} differs",
                                  region, at.index, command.key, command.value));
    }
    return;
  }
  Place& last = last_applied_[region];
  if (place <= last) {
    violations_.Add(
        fmt::format("region {} index {} is new after {}", region, at.index, last.index));
  }
  last = place;
  if (refused_.contains(command.value)) {
    violations_.Add(fmt::format("{}={} was refused and is applied", command.key, command.value));
  }
  if (!written_.emplace(command.value, place).second) {
    violations_.Add(fmt::format("{}={} is applied twice", command.key, command.value));
  }
  Key& key = keys_[command.key];
  Execute(command, key.value);
  key.places[key.value] = place;
}

void KvHistory::CheckReplica(RegionId region, StoreId store, Index applied,
                             const std::map<std::string, std::string>& data,
                             const raft::ConfState& conf) {
  std::map<std::string, std::string> expected;
  const auto end = applied_.lower_bound({region, Place{applied + 1, 0}});
  for (auto it = applied_.lower_bound({region, Place{}}); it != end; ++it) {
    Execute(it->second.command, expected[it->second.command.key]);
  }
  if (data != expected) {
    violations_.Add(fmt::format("region {} on store {} is applied to {} and holds other data",
                                region, store, applied));
  }
  const raft::ConfState* members = members_.At(region, applied);
  if (members == nullptr || *members != conf) {
    violations_.Add(fmt::format("region {} on store {} is applied to {} and has other members",
                                region, store, applied));
  }
}

void KvHistory::OnLeader(RegionId region, Term term, StoreId store) {
  auto [known, is_new] = leaders_.emplace(std::pair(region, term), store);
  if (!is_new && known->second != store) {
    violations_.Add(fmt::format("region {} term {} has leaders on stores {} and {}", region, term,
                                known->second, store));
  }
}

KvHistory::Operation KvHistory::BeginWrite(const std::string& key, const std::string& value) {
  return {key, value, keys_[key].floor};
}

KvHistory::Operation KvHistory::BeginRead(const std::string& key) const {
  auto it = keys_.find(key);
  return {key, "", it == keys_.end() ? Place{} : it->second.floor};
}

void KvHistory::Finish(Key& key, const Operation& operation, Place place, bool must_move,
                       std::string_view what) {
  if (place < operation.floor || (must_move && place == operation.floor)) {
    violations_.Add(fmt::format(
        "{} of {} has its place at {}.{}, but {}.{} was finished when it began", what,
        operation.key, place.index, place.ordinal, operation.floor.index, operation.floor.ordinal));
  }
  key.floor = std::max(key.floor, place);
}

void KvHistory::EndWrite(const Operation& write, raft::EntryId at) {
  ++writes_;
  auto place = written_.find(write.value);
  if (place == written_.end() || place->second.index != at.index) {
    violations_.Add(fmt::format("{}={} is acknowledged at {} and not applied there", write.key,
                                write.value, at.index));
    return;
  }
  Finish(keys_[write.key], write, place->second, true, "write");
}

void KvHistory::RefuseWrite(const Operation& write) {
  refused_.insert(write.value);
  if (written_.contains(write.value)) {
    violations_.Add(fmt::format("{}={} is applied and was refused", write.key, write.value));
  }
}

void KvHistory::EndRead(const Operation& read, const std::optional<std::string>& value) {
  ++reads_;
  Key& key = keys_[read.key];
  if (!value) {
    Finish(key, read, Place{}, false, "read of nothing");
    return;
  }
  auto place = key.places.find(*value);
  if (place == key.places.end()) {
    violations_.Add(fmt::format("{} never was '{}', which was read", read.key, *value));
    return;
  }
  Finish(key, read, place->second, false, "read");
}

std::optional<std::string> KvHistory::Expected(const std::string& key) const {
  auto it = keys_.find(key);
  if (it == keys_.end() || it->second.value.empty()) return std::nullopt;
  return it->second.value;
}

}  // namespace flotilla::testing
