#include "tests/sim/trace.h"

#include <spdlog/fmt/fmt.h>

#include <utility>
#include <vector>

#include "common/raft/describe.h"

namespace flotilla::sim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kMostText = 300;

// A field by that name that holds the id of a region.
bool IsRegionId(const FieldDescriptor& field, const Message& message) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_UINT64 || field.is_repeated()) return false;
  return field.name() == "region_id" ||
         (field.name() == "id" && message.GetDescriptor()->name() == "Region");
}

}  // namespace

bool Names(const Message& message, RegionId region) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (IsRegionId(*field, message)) {
      if (reflection.GetUInt64(message, field) == region.value()) return true;
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!field->is_repeated()) {
        if (Names(reflection.GetMessage(message, field), region)) return true;
        continue;
      }
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        if (Names(reflection.GetRepeatedMessage(message, field, i), region)) return true;
      }
    }
  }
  return false;
}

Trace::Trace(const TraceFilter& filter, std::function<void(std::string)> sink)
    : filter_(filter), sink_(std::move(sink)) {}

void Trace::OnRaft(const net::Envelope& envelope) const {
  if (!filter_.messages) return;
  if (filter_.region != RegionId() && envelope.region_id != filter_.region) return;
  sink_(fmt::format("  raft {} -> {}, region {}: {}", envelope.from_store, envelope.to_store,
                    envelope.region_id, raft::Describe(envelope.message)));
}

void Trace::OnRpc(std::string_view from, std::string_view to, std::string_view method,
                  const absl::Status* status, const Message* message) const {
  if (!filter_.messages) return;
  if (filter_.region != RegionId() && (message == nullptr || !Names(*message, filter_.region))) {
    return;
  }
  std::string text = message == nullptr ? "" : message->ShortDebugString();
  if (text.size() > kMostText) text = text.substr(0, kMostText) + " ...";
  const bool failed = status != nullptr && !status->ok();
  sink_(fmt::format("  rpc {} -> {}, {}{}: {}{}", from, to,
                    method.empty() ? message->GetDescriptor()->name() : std::string(method),
                    status == nullptr ? "" : " answered", failed ? status->ToString() + " " : "",
                    text));
}

}  // namespace flotilla::sim
