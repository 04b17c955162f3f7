// One Tso stream: answers in the order of the requests, as the protocol demands.
//
// Thread: the loop thread; answers may come from others.
#ifndef FLOTILLA_PD_SERVICE_TSO_STREAM_H_
#define FLOTILLA_PD_SERVICE_TSO_STREAM_H_

#include <deque>
#include <memory>

#include "common/base/mutex.h"
#include "common/rpc/stream.h"
#include "pd/api/tso_api.h"

namespace flotilla::pd {

class TsoStream final : public rpc::TypedStreamHandler<pdpb::TsoRequest, pdpb::TsoResponse>,
                        public std::enable_shared_from_this<TsoStream> {
 public:
  // Requests of one stream that may be under way; more are read when answers have left.
  static constexpr size_t kMaxUnderWay = 256;

  // `api` must outlive the stream.
  TsoStream(TsoApi* api, std::shared_ptr<rpc::StreamControl> control);

  bool ReadyToRead() override;
  bool HasOutstanding() override;
  void OnClosed(const absl::Status& status) override;

 private:
  struct Call {
    pdpb::TsoRequest request;
    pdpb::TsoResponse response;
    bool answered = false;
  };

  void OnMessage(pdpb::TsoRequest* message) override;
  bool Fill(pdpb::TsoResponse* message) override;
  void OnAnswer(Call* call, absl::Status status);

  TsoApi* const api_;
  const std::shared_ptr<rpc::StreamControl> control_;
  Mutex mutex_;
  // In the order of arrival.
  std::deque<std::shared_ptr<Call>> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace flotilla::pd

#endif  // FLOTILLA_PD_SERVICE_TSO_STREAM_H_
