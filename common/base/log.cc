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

constexpr char kName[] = "flotilla";
constexpr char kPattern[] = "%Y-%m-%dT%H:%M:%S.%eZ %L %t %s:%# %v";

std::shared_ptr<spdlog::logger> FindOrMakeLogger() {
  if (std::shared_ptr<spdlog::logger> found = spdlog::get(kName)) return found;
  auto logger =
      std::make_shared<spdlog::logger>(kName, std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern(kPattern, spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::warn);
  spdlog::register_logger(logger);
  return logger;
}

}  // namespace

spdlog::logger* Logger() {
  // Never destroyed: threads may log until the very end.
  static auto* const logger = new std::shared_ptr<spdlog::logger>(FindOrMakeLogger());
  return logger->get();
}

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
    spdlog::logger* const logger = Logger();
    logger->sinks() = {sink};
    logger->set_pattern(kPattern, spdlog::pattern_time_type::utc);
    logger->set_level(*level);
    logger->flush_on(spdlog::level::info);
  } catch (const spdlog::spdlog_ex& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot open log file '", options.file, "': ", error.what()));
  }
  return absl::OkStatus();
}

absl::Status SetLogLevel(std::string_view level) {
  const auto parsed = ParseLevel(level);
  if (!parsed) return UnknownLevel(level);
  Logger()->set_level(*parsed);
  return absl::OkStatus();
}

void FlushLogs() { Logger()->flush(); }

}  // namespace flotilla::base
