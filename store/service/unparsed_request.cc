#include "store/service/unparsed_request.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "common/base/check.h"

namespace flotilla::store {

using Request = tikvpb::BatchCommandsRequest::Request;
using google::protobuf::internal::WireFormatLite;

BatchCommand WriteIn(std::string_view request) {
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(request.data()),
                                               static_cast<int>(request.size()));
  const uint32_t tag = input.ReadTag();
  if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
    return Request::CMD_NOT_SET;
  }
  switch (const int field = WireFormatLite::GetTagFieldNumber(tag)) {
    case Request::kRawPut:
    case Request::kRawBatchPut:
    case Request::kRawDelete:
    case Request::kRawBatchDelete:
    case Request::kRawDeleteRange:
      return static_cast<BatchCommand>(field);
    default:
      return Request::CMD_NOT_SET;
  }
}

errorpb::Error* RegionErrorOf(BatchCommand write,
                              tikvpb::BatchCommandsResponse::Response& response) {
  switch (write) {
    case Request::kRawPut:
      return response.mutable_rawput()->mutable_region_error();
    case Request::kRawBatchPut:
      return response.mutable_rawbatchput()->mutable_region_error();
    case Request::kRawDelete:
      return response.mutable_rawdelete()->mutable_region_error();
    case Request::kRawBatchDelete:
      return response.mutable_rawbatchdelete()->mutable_region_error();
    case Request::kRawDeleteRange:
      return response.mutable_rawdeleterange()->mutable_region_error();
    default:
      CHECK(false) << "command " << write << " is no write";
      return nullptr;
  }
}

}  // namespace flotilla::store
