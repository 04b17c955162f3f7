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

void KvHistory::Complain(std::string what) {
  if (violations_.size() < 20) violations_.push_back(std::move(what));
}

void KvHistory::OnApply(RegionId region, raft::EntryId at, int ordinal, const KvCommand& command) {
  const Place place{at.index, ordinal};
  const std::string text = fmt::format("term {} {} {}={}", at.term, static_cast<char>(command.kind),
                                       command.key, command.value);
  auto [seen, is_new] = applied_.emplace(std::pair(region, place), text);
  if (!is_new) {
    if (seen->second != text) {
      Complain(fmt::format("region {} index {}: applied '{}' and '{}'", region, at.index,
                           seen->second, text));
    }
    return;
  }
  Place& last = last_applied_[region];
  if (place <= last) {
    Complain(fmt::format("region {} index {} is new after {}", region, at.index, last.index));
  }
  last = place;
  if (refused_.contains(command.value)) {
    Complain(fmt::format("{}={} was refused and is applied", command.key, command.value));
  }
  if (!written_.emplace(command.value, place).second) {
    Complain(fmt::format("{}={} is applied twice", command.key, command.value));
  }
  Key& key = keys_[command.key];
  if (command.kind == KvCommand::Kind::kAppend) {
    key.value += "," + command.value;
  } else {
    key.value = command.value;
  }
  key.places[key.value] = place;
}

void KvHistory::OnLeader(RegionId region, Term term, StoreId store) {
  auto [known, is_new] = leaders_.emplace(std::pair(region, term), store);
  if (!is_new && known->second != store) {
    Complain(fmt::format("region {} term {} has leaders on stores {} and {}", region, term,
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
    Complain(fmt::format("{} of {} has its place at {}.{}, but {}.{} was finished when it began",
                         what, operation.key, place.index, place.ordinal, operation.floor.index,
                         operation.floor.ordinal));
  }
  key.floor = std::max(key.floor, place);
}

void KvHistory::EndWrite(const Operation& write, raft::EntryId at) {
  ++writes_;
  auto place = written_.find(write.value);
  if (place == written_.end() || place->second.index != at.index) {
    Complain(fmt::format("{}={} is acknowledged at {} and not applied there", write.key,
                         write.value, at.index));
    return;
  }
  Finish(keys_[write.key], write, place->second, true, "write");
}

void KvHistory::RefuseWrite(const Operation& write) {
  refused_.insert(write.value);
  if (written_.contains(write.value)) {
    Complain(fmt::format("{}={} is applied and was refused", write.key, write.value));
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
    Complain(fmt::format("{} never was '{}', which was read", read.key, *value));
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
