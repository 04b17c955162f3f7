// Keys in their spellings: what is encoded comes back, order is kept, and what is no encoding is
// refused. Store and client agree.
#include "client/key_codec.h"
#include "common/base/check.h"
#include "common/base/coding.h"
#include "store/kv/key_codec.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/fuzz_target.h"
#include "tikv/kvrpcpb.pb.h"

namespace flotilla::fuzz {
namespace {

void CheckStore(std::string_view a, std::string_view b, uint32_t keyspace) {
  for (const auto version : {store::ApiVersion::kV1, store::ApiVersion::kV2}) {
    const store::KeyCodec codec(version);
    const std::string encoded = codec.Encode(a);
    CHECK_EQ(encoded.size(), codec.EncodedSize(a));
    CHECK((encoded < codec.Encode(b)) == (a < b)) << "order is lost";
    std::string decoded;
    CHECK_OK(codec.Decode(encoded, decoded));
    CHECK(decoded == a);
    // As the engine may hold it after damage, and as PD may name a boundary.
    if (codec.Decode(a, decoded).ok()) CHECK(codec.Encode(decoded) == a);
    codec.CheckBoundary(a).IgnoreError();
    kvrpcpb::Context context;
    context.set_keyspace_id(keyspace);
    context.set_api_version(version == store::ApiVersion::kV2 ? kvrpcpb::V2 : kvrpcpb::V1);
    codec.CheckRawKey(context, a).IgnoreError();
    if (codec.CheckRawRange(context, a, b).ok()) codec.EncodeRange(a, b);
  }
}

void CheckClient(std::string_view a, std::string_view b, uint32_t keyspace) {
  for (const client::KeyCodec& codec :
       {client::KeyCodec::V1(), client::KeyCodec::V2(KeyspaceId(keyspace))}) {
    const std::string request_key = codec.ToRequestKey(a);
    const auto user_key = codec.ToUserKey(request_key);
    CHECK_OK(user_key.status());
    CHECK(*user_key == a);
    codec.ToUserKey(a).status().IgnoreError();
    const KeyRange bounds{codec.ToRegionKey(request_key), ""};
    const auto back = codec.ToRequestBounds(bounds);
    CHECK_OK(back.status());
    CHECK(back->start == request_key);
    codec.ToRequestBounds({std::string(a), std::string(b)}).status().IgnoreError();
    codec.ToRequestRange({std::string(a), std::string(b)});
    if (codec.is_v2()) {
      CHECK(codec.ToRegionKey(request_key) ==
            store::KeyCodec(store::ApiVersion::kV2).Encode(request_key));
    }
  }
}

class KeyCodecTarget final : public FuzzTarget {
 public:
  void Run(std::string_view input) override {
    FuzzInput in(input);
    const uint32_t keyspace = static_cast<uint32_t>(in.Number() & 0xffffff);
    const std::string_view a = in.Piece();
    CheckStore(a, in.Rest(), keyspace);
    CheckClient(a, in.Rest(), keyspace);
  }
  std::vector<std::string> Seeds() const override {
    const std::string keyspace("\0\0\0\0\0\0\0\7", 8);
    const std::string raw("r\0\0\7key", 7);
    return {keyspace + AsPiece("a key") + "b key", keyspace + AsPiece(raw) + raw + "z",
            keyspace + AsPiece(EncodeMemcomparable(raw)) + EncodeMemcomparable("x\0\0\7"),
            keyspace + AsPiece(std::string(9, '\0')) + std::string(8, '\xff')};
  }
};

}  // namespace

std::unique_ptr<FuzzTarget> MakeKeyCodecTarget() { return std::make_unique<KeyCodecTarget>(); }

}  // namespace flotilla::fuzz
