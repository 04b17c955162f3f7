// RETURN_IF_ERROR(expr); ASSIGN_OR_RETURN(auto value, expr);
#ifndef FLOTILLA_COMMON_BASE_STATUS_MACROS_H_
#define FLOTILLA_COMMON_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RETURN_IF_ERROR(expression)                                                      \
  do {                                                                                   \
    if (absl::Status flotilla_status = (expression); !flotilla_status.ok()) [[unlikely]] \
      return flotilla_status;                                                            \
  } while (false)

#define FLOTILLA_CONCAT_INNER(a, b) a##b
#define FLOTILLA_CONCAT(a, b) FLOTILLA_CONCAT_INNER(a, b)
#define FLOTILLA_ASSIGN_OR_RETURN(temporary, lhs, expression) \
  auto temporary = (expression);                              \
  if (!temporary.ok()) [[unlikely]]                           \
    return std::move(temporary).status();                     \
  lhs = *std::move(temporary)
#define ASSIGN_OR_RETURN(lhs, ...) \
  FLOTILLA_ASSIGN_OR_RETURN(FLOTILLA_CONCAT(flotilla_statusor_, __LINE__), lhs, (__VA_ARGS__))

#endif  // FLOTILLA_COMMON_BASE_STATUS_MACROS_H_
