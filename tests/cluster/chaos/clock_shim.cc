// Loaded before a process' libraries (LD_PRELOAD), it shifts the wall clock by the nanoseconds that
// the file $FLOTILLA_CLOCK_FILE holds at that moment, as a clock that was set. The monotonic clock
// is left alone, as on a real machine.
//
// Who waits until a moment of the wall clock waits by the clock as it was when the wait began.
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdlib>

namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t Offset() {
  static const std::atomic<int64_t>* const shared = []() -> const std::atomic<int64_t>* {
    const char* const path = std::getenv("FLOTILLA_CLOCK_FILE");
    const int file = path == nullptr ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return nullptr;
    void* const memory = mmap(nullptr, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return memory == MAP_FAILED ? nullptr : static_cast<const std::atomic<int64_t>*>(memory);
  }();
  return shared == nullptr ? 0 : shared->load(std::memory_order_relaxed);
}

timespec Shifted(const timespec& at, int64_t by) {
  const int64_t all = at.tv_sec * kSecond + at.tv_nsec + by;
  return {all / kSecond, all % kSecond};
}

bool IsWall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

int64_t WallNanos() {
  timespec now{};
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return now.tv_sec * kSecond + now.tv_nsec + Offset();
}

// Found once each; none has a versioned twin that means something else.
template <typename Function>
Function* Real(const char* name, const char* version) {
  return reinterpret_cast<Function*>(dlvsym(RTLD_NEXT, name, version));
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  static auto* const real = Real<int(clockid_t, timespec*)>("clock_gettime", "GLIBC_2.17");
  const int result = real(clock, out);
  if (result == 0 && IsWall(clock)) *out = Shifted(*out, Offset());
  return result;
}

int gettimeofday(timeval* out, void*) noexcept {
  const int64_t now = WallNanos();
  *out = {now / kSecond, now % kSecond / 1000};
  return 0;
}

time_t time(time_t* out) noexcept {
  const time_t now = WallNanos() / kSecond;
  if (out != nullptr) *out = now;
  return now;
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex,
                           const timespec* until) {
  static auto* const real = Real<int(pthread_cond_t*, pthread_mutex_t*, const timespec*)>(
      "pthread_cond_timedwait", "GLIBC_2.3.2");
  const timespec at = Shifted(*until, -Offset());
  return real(condition, mutex, &at);
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* until) {
  static auto* const real =
      Real<int(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*)>(
          "pthread_cond_clockwait", "GLIBC_2.34");
  const timespec at = IsWall(clock) ? Shifted(*until, -Offset()) : *until;
  return real(condition, mutex, clock, &at);
}

// Abseil waits by futexes, until moments of the wall clock.
long syscall(long number, ...) noexcept {
  static auto* const real = Real<long(long, ...)>("syscall", "GLIBC_2.2.5");
  va_list list;
  va_start(list, number);
  long argument[6];
  for (long& one : argument) one = va_arg(list, long);
  va_end(list);
  timespec at;
  if (number == SYS_futex && (argument[1] & FUTEX_CLOCK_REALTIME) != 0 && argument[3] != 0) {
    at = Shifted(*reinterpret_cast<const timespec*>(argument[3]), -Offset());
    argument[3] = reinterpret_cast<long>(&at);
  }
  return real(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
}

}  // extern "C"
