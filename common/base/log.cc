#include "common/base/log.h"

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"

namespace flotilla::base {
namespace {

std::optional<spdlog::level::level_enum> ParseLevel(std::string_view level) {
  if (level == "trace") return spdlog::level::trace;
  if (level == "debug") return spdlog::level::debug;
  if (level == "info") return spdlog::level::info;
  if (level == "warning" || level == "warn") return spdlog::level::warn;
  if (level == "error") return spdlog::level::err;
  return std::nullopt;
}

absl::Status UnknownLevel(std::string_view level) {
  return absl::InvalidArgumentError(absl::StrCat("unknown log level '", std::string(level),
                                                 "': use trace, debug, info, warning or error"));
}

}  // namespace

absl::Status InitLogging(const LogOptions& options) {
  const auto level = ParseLevel(options.level);
  if (!level) return UnknownLevel(options.level);
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
          options.file, options.max_file_bytes, options.max_files);
    }
    auto logger = std::make_shared<spdlog::logger>("flotilla", std::move(sink));
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %L %t %s:%# %v", spdlog::pattern_time_type::utc);
    logger->set_level(*level);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
  } catch (const spdlog::spdlog_ex& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot open log file '", options.file, "': ", error.what()));
  }
  return absl::OkStatus();
}

absl::Status SetLogLevel(std::string_view level) {
  const auto parsed = ParseLevel(level);
  if (!parsed) return UnknownLevel(level);
  spdlog::default_logger_raw()->set_level(*parsed);
  return absl::OkStatus();
}

void FlushLogs() { spdlog::default_logger_raw()->flush(); }

}  // namespace flotilla::base
