// Seeds for what is sent as Protobuf: messages with every field set, from their descriptors.
#ifndef FLOTILLA_TESTS_FUZZ_SEED_MESSAGES_H_
#define FLOTILLA_TESTS_FUZZ_SEED_MESSAGES_H_

#include <google/protobuf/message.h>

namespace flotilla::fuzz {

// Texts are `text`, numbers 1, lists have one element; of a oneof the last member is set. Messages
// within messages are filled down to `depth`.
void FillMessage(google::protobuf::Message& message, const std::string& text, int depth);

}  // namespace flotilla::fuzz

#endif  // FLOTILLA_TESTS_FUZZ_SEED_MESSAGES_H_
