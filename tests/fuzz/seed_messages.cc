#include "tests/fuzz/seed_messages.h"

#include <string>

namespace flotilla::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void FillMessageField(Message& message, const FieldDescriptor* field, const std::string& text,
                      int depth) {
  if (depth == 0) return;
  const Reflection& reflection = *message.GetReflection();
  Message* inner = field->is_repeated() ? reflection.AddMessage(&message, field)
                                        : reflection.MutableMessage(&message, field);
  FillMessage(*inner, text, depth - 1);
}

// `set_one(value)` and `add(value)` are Reflection's methods for one type.
template <typename Value>
void FillField(Message& message, const FieldDescriptor* field, Value value,
               void (Reflection::*set_one)(Message*, const FieldDescriptor*, Value) const,
               void (Reflection::*add)(Message*, const FieldDescriptor*, Value) const) {
  const Reflection& reflection = *message.GetReflection();
  (reflection.*(field->is_repeated() ? add : set_one))(&message, field, std::move(value));
}

void FillScalar(Message& message, const FieldDescriptor* field, const std::string& text) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return FillField<int32_t>(message, field, 1, &Reflection::SetInt32, &Reflection::AddInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return FillField<int64_t>(message, field, 1, &Reflection::SetInt64, &Reflection::AddInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return FillField<uint32_t>(message, field, 1, &Reflection::SetUInt32, &Reflection::AddUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return FillField<uint64_t>(message, field, 1, &Reflection::SetUInt64, &Reflection::AddUInt64);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return FillField<double>(message, field, 1, &Reflection::SetDouble, &Reflection::AddDouble);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return FillField<float>(message, field, 1, &Reflection::SetFloat, &Reflection::AddFloat);
    case FieldDescriptor::CPPTYPE_BOOL:
      return FillField<bool>(message, field, true, &Reflection::SetBool, &Reflection::AddBool);
    case FieldDescriptor::CPPTYPE_ENUM:
      return FillField<int>(message, field, 0, &Reflection::SetEnumValue,
                            &Reflection::AddEnumValue);
    case FieldDescriptor::CPPTYPE_STRING:
      return FillField<std::string>(message, field, text, &Reflection::SetString,
                                    &Reflection::AddString);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return;
  }
}

}  // namespace

void FillMessage(Message& message, const std::string& text, int depth) {
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      FillMessageField(message, field, text, depth);
    } else {
      FillScalar(message, field, text);
    }
  }
}

}  // namespace flotilla::fuzz
