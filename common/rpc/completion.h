// What the event loop calls when an operation that gRPC was asked for is over: every tag on the
// completion queue is one of these.
#ifndef FLOTILLA_COMMON_RPC_COMPLETION_H_
#define FLOTILLA_COMMON_RPC_COMPLETION_H_

// The completion queue orders what a thread did before it handed an operation over before what the
// loop does at its end. It does so by atomics of a library that is not instrumented, so
// ThreadSanitizer has to be told.
#if defined(__SANITIZE_THREAD__)
#define FLOTILLA_TELL_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FLOTILLA_TELL_TSAN 1
#endif
#endif
#ifdef FLOTILLA_TELL_TSAN
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
#endif

namespace flotilla::rpc {

class Completion {
 public:
  // The tag for gRPC, in the call that begins the operation. Any thread.
  void* HandOver() {
#ifdef FLOTILLA_TELL_TSAN
    __tsan_release(this);
#endif
    return this;
  }
  // What came from the queue. On the loop thread.
  static void Complete(void* tag, bool ok) {
#ifdef FLOTILLA_TELL_TSAN
    __tsan_acquire(tag);
#endif
    static_cast<Completion*>(tag)->OnCompletion(ok);
  }

 protected:
  ~Completion() = default;

 private:
  // `ok` false: the operation did not take place (peer gone, shutting down).
  virtual void OnCompletion(bool ok) = 0;
};

// Forwards to a member function, for an object with several operations under way at once.
template <typename T>
class MemberCompletion final : public Completion {
 public:
  using Method = void (T::*)(bool ok);
  MemberCompletion(T* object, Method method) : object_(object), method_(method) {}

 private:
  void OnCompletion(bool ok) override { (object_->*method_)(ok); }

  T* const object_;
  const Method method_;
};

}  // namespace flotilla::rpc

#endif  // FLOTILLA_COMMON_RPC_COMPLETION_H_
