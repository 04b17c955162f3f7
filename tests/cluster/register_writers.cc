#include "tests/cluster/register_writers.h"

#include <gtest/gtest.h>
#include <spdlog/fmt/fmt.h>

#include <optional>

#include "common/base/checksum.h"

namespace flotilla::cluster_test {
namespace {

// The number, padding, and a checksum over both: half a value does not parse.
std::string EncodeValue(const std::string& key, int64_t number) {
  const std::string body = key + "#" + std::to_string(number) + "#" + std::string(100, 'v');
  return body + "#" + std::to_string(Xxh3(body));
}

std::optional<int64_t> DecodeValue(const std::string& key, const std::string& value) {
  if (!value.starts_with(key + "#")) return std::nullopt;
  const int64_t number = std::atoll(value.c_str() + key.size() + 1);
  if (value != EncodeValue(key, number)) return std::nullopt;
  return number;
}

}  // namespace

RegisterWriters::RegisterWriters(client::RawClient* client, int writers)
    : client_(client), writers_(static_cast<size_t>(writers)) {}

void RegisterWriters::Start() {
  size_t writers = 0;
  {
    MutexLock lock(mutex_);
    writers = in_flight_ = writers_.size();
    for (size_t i = 0; i < writers; ++i) AddRegister(i);
  }
  for (size_t i = 0; i < writers; ++i) WriteNext(i);
}

void RegisterWriters::AddRegister(size_t i) {
  std::vector<Register>& registers = writers_[i].registers;
  registers.push_back({.key = fmt::format("durable/{}.{}", i, registers.size())});
}

void RegisterWriters::Stop() {
  stopping_.store(true);
  MutexLock lock(mutex_);
  while (in_flight_ > 0) changed_.Wait(mutex_);
}

void RegisterWriters::WriteNext(size_t i) {
  int64_t number = 0;
  std::string key;
  {
    MutexLock lock(mutex_);
    number = ++writers_[i].attempted;
    key = writers_[i].registers.back().key;
  }
  client_->PutAsync(key, EncodeValue(key, number), {},
                    [this, i, number](absl::Status status) { OnWritten(i, number, status); });
}

void RegisterWriters::OnWritten(size_t i, int64_t number, const absl::Status& status) {
  bool is_last = false;
  {
    MutexLock lock(mutex_);
    Register& written = writers_[i].registers.back();
    if (status.ok()) {
      written.acknowledged = number;
      ++acknowledged_;
    } else {
      last_error_ = status.ToString();
      if (client::IsUndetermined(status)) {
        written.undetermined = number;
        ++undetermined_;
        AddRegister(i);
      } else {
        ++refused_;
      }
    }
    is_last = stopping_.load();
    if (is_last) {
      --in_flight_;
      changed_.NotifyAll();
    }
  }
  if (!is_last) WriteNext(i);
}

void RegisterWriters::Check() {
  MutexLock lock(mutex_);
  for (const Writer& writer : writers_) {
    for (const Register& expected : writer.registers) CheckRegister(expected);
  }
}

void RegisterWriters::CheckRegister(const Register& expected) {
  const auto value = client_->Get(expected.key);
  ASSERT_TRUE(value.ok()) << expected.key << ": " << value.status().ToString();
  if (!value->has_value()) {
    EXPECT_EQ(expected.acknowledged, 0) << expected.key << " is gone";
    return;
  }
  const std::optional<int64_t> stored = DecodeValue(expected.key, **value);
  ASSERT_TRUE(stored.has_value()) << expected.key << " holds what nobody wrote: " << **value;
  EXPECT_TRUE(*stored == expected.acknowledged || *stored == expected.undetermined)
      << expected.key << " holds write " << *stored << "; write " << expected.acknowledged
      << " was acknowledged last, and " << expected.undetermined << " is undetermined";
}

int64_t RegisterWriters::acknowledged() {
  MutexLock lock(mutex_);
  return acknowledged_;
}

int64_t RegisterWriters::undetermined() {
  MutexLock lock(mutex_);
  return undetermined_;
}

int64_t RegisterWriters::refused() {
  MutexLock lock(mutex_);
  return refused_;
}

std::string RegisterWriters::last_error() {
  MutexLock lock(mutex_);
  return last_error_;
}

}  // namespace flotilla::cluster_test
