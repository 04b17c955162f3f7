// The log of a process: LOG_INFO("region {} split into {}", id, count). spdlog is behind it, and
// only log.cc and this header know. Lines say what, who, which region and why.
//
// Thread-safe. InitLogging is called once by main(), before other threads start. Without it, as in
// an application that uses the client library, lines of level warning and above go to standard
// error.
#ifndef FLOTILLA_COMMON_BASE_LOG_H_
#define FLOTILLA_COMMON_BASE_LOG_H_

#include <spdlog/spdlog.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace flotilla::base {

struct LogOptions {
  // trace, debug, info, warning, error.
  std::string level = "info";
  // Empty: standard error. Otherwise a file, rotated at `max_file_bytes`, `max_files` kept.
  std::string file;
  size_t max_file_bytes = 64 << 20;
  size_t max_files = 8;
};

// InvalidArgument when the level is unknown or the file cannot be opened.
absl::Status InitLogging(const LogOptions& options);

// Changes the level of the running process. InvalidArgument when it is unknown.
absl::Status SetLogLevel(std::string_view level);

void FlushLogs();

// Where all lines go: spdlog's logger "flotilla", not its default one, which is the application's.
// One that the application has registered by this name before the first line is used as it is.
spdlog::logger* Logger();

}  // namespace flotilla::base

#define LOG_TRACE(...) \
  SPDLOG_LOGGER_CALL(::flotilla::base::Logger(), ::spdlog::level::trace, __VA_ARGS__)
#define LOG_DEBUG(...) \
  SPDLOG_LOGGER_CALL(::flotilla::base::Logger(), ::spdlog::level::debug, __VA_ARGS__)
#define LOG_INFO(...) \
  SPDLOG_LOGGER_CALL(::flotilla::base::Logger(), ::spdlog::level::info, __VA_ARGS__)
#define LOG_WARN(...) \
  SPDLOG_LOGGER_CALL(::flotilla::base::Logger(), ::spdlog::level::warn, __VA_ARGS__)
#define LOG_ERROR(...) \
  SPDLOG_LOGGER_CALL(::flotilla::base::Logger(), ::spdlog::level::err, __VA_ARGS__)

#endif  // FLOTILLA_COMMON_BASE_LOG_H_
