#include "store/region/install_record.h"

#include "common/base/coding.h"

namespace flotilla::store {

std::string EncodeInstallRecord(const InstallRecord& record) {
  std::string out;
  PutVarint64(out, record.peer_id.value());
  PutVarint64(out, record.snapshot.meta.term.value());
  PutVarint64(out, record.snapshot.meta.index.value());
  out.append(record.snapshot.data.view());
  return out;
}

absl::StatusOr<InstallRecord> DecodeInstallRecord(std::string_view data) {
  uint64_t peer = 0;
  uint64_t term = 0;
  uint64_t index = 0;
  if (!GetVarint64(data, peer) || !GetVarint64(data, term) || !GetVarint64(data, index)) {
    return absl::DataLossError("malformed record of a snapshot's installation");
  }
  InstallRecord record;
  record.peer_id = PeerId(peer);
  record.snapshot.meta.term = Term(term);
  record.snapshot.meta.index = Index(index);
  record.snapshot.data = Bytes::Copy(data);
  return record;
}

}  // namespace flotilla::store
