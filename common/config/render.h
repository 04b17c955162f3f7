// The written forms of a set of options: help text, TOML and JSON.
#ifndef FLOTILLA_COMMON_CONFIG_RENDER_H_
#define FLOTILLA_COMMON_CONFIG_RENDER_H_

#include <string>
#include <string_view>
#include <vector>

#include "common/config/option.h"

namespace flotilla::config {

std::string RenderHelp(std::string_view program, std::string_view description,
                       const std::vector<Option>& options);
std::string RenderToml(const std::vector<Option>& options);
std::string RenderJson(const std::vector<Option>& options);

}  // namespace flotilla::config

#endif  // FLOTILLA_COMMON_CONFIG_RENDER_H_
