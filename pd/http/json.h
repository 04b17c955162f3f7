// Writes small JSON documents, one value after the other.
//
//   JsonWriter json;
//   json.BeginObject().Key("count").Number(2).Key("names").BeginArray().String("a").EndArray();
//   json.EndObject();
#ifndef FLOTILLA_PD_HTTP_JSON_H_
#define FLOTILLA_PD_HTTP_JSON_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace flotilla::pd {

class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);
  JsonWriter& Number(uint64_t value);
  JsonWriter& Signed(int64_t value);
  JsonWriter& Bool(bool value);

  const std::string& text() const { return text_; }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  // A comma, unless the value is the first of its list or follows its key.
  void Separate();
  void Quote(std::string_view value);

  std::string text_;
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_HTTP_JSON_H_
