// What the event loop calls when an operation that gRPC was asked for is over: every tag on the
// completion queue is one of these.
#ifndef FLOTILLA_COMMON_RPC_COMPLETION_H_
#define FLOTILLA_COMMON_RPC_COMPLETION_H_

namespace flotilla::rpc {

class Completion {
 public:
  // On the loop thread. `ok` false: the operation did not take place (peer gone, shutting down).
  virtual void OnCompletion(bool ok) = 0;

 protected:
  ~Completion() = default;
};

// Forwards to a member function, for an object with several operations under way at once.
template <typename T>
class MemberCompletion final : public Completion {
 public:
  using Method = void (T::*)(bool ok);
  MemberCompletion(T* object, Method method) : object_(object), method_(method) {}
  void OnCompletion(bool ok) override { (object_->*method_)(ok); }

 private:
  T* const object_;
  const Method method_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_COMPLETION_H_
