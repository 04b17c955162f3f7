#include "tests/cluster/register_writers.h"

#include <gtest/gtest.h>

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

RegisterWriters::RegisterWriters(client::RawClient* client, int keys)
    : client_(client), registers_(static_cast<size_t>(keys)) {}

void RegisterWriters::Start() {
  size_t keys = 0;
  {
    MutexLock lock(mutex_);
    keys = in_flight_ = registers_.size();
  }
  for (size_t i = 0; i < keys; ++i) WriteNext(i);
}

void RegisterWriters::Stop() {
  stopping_.store(true);
  MutexLock lock(mutex_);
  while (in_flight_ > 0) changed_.Wait(mutex_);
}

void RegisterWriters::WriteNext(size_t i) {
  int64_t number = 0;
  {
    MutexLock lock(mutex_);
    number = ++registers_[i].attempted;
  }
  client_->PutAsync(Key(i), EncodeValue(Key(i), number), {},
                    [this, i, number](absl::Status status) { OnWritten(i, number, status); });
}

void RegisterWriters::OnWritten(size_t i, int64_t number, const absl::Status& status) {
  bool is_last = false;
  {
    MutexLock lock(mutex_);
    Register& written = registers_[i];
    if (status.ok()) {
      written.acknowledged = number;
      written.undetermined.clear();
      ++acknowledged_;
    } else {
      last_error_ = status.ToString();
      if (client::IsUndetermined(status)) {
        written.undetermined.insert(number);
        ++undetermined_;
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
  for (size_t i = 0; i < registers_.size(); ++i) {
    const Register& expected = registers_[i];
    const auto value = client_->Get(Key(i));
    ASSERT_TRUE(value.ok()) << Key(i) << ": " << value.status().ToString();
    if (!value->has_value()) {
      EXPECT_EQ(expected.acknowledged, 0) << Key(i) << " is gone";
      continue;
    }
    const std::optional<int64_t> stored = DecodeValue(Key(i), **value);
    ASSERT_TRUE(stored.has_value()) << Key(i) << " holds what nobody wrote: " << **value;
    EXPECT_TRUE(*stored == expected.acknowledged || expected.undetermined.contains(*stored))
        << Key(i) << " holds write " << *stored << "; write " << expected.acknowledged
        << " was acknowledged last, " << expected.undetermined.size()
        << " later ones are undetermined";
  }
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
