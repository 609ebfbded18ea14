// SPDX-License-Identifier: GPL-2.0-or-later
#include "telling.h"

#include <fmt/format.h>

namespace warren::cli {

int tell(const Context& context, const Json& json, const Columns& columns) {
  if (context.json())
    say_json(json);
  else
    columns.print();
  return kExitOk;
}

int tell(const Context& context, const Json& json, std::string_view line) {
  if (context.json())
    say_json(json);
  else
    say(line);
  return kExitOk;
}

Status names_or_all(std::string_view command, std::string_view whats, const std::vector<std::string>& names,
                    bool all) {
  if (all == names.empty()) return {};
  return fail(Code::usage, fmt::format("{}: name {}, or give --all", command, whats));
}

Json names_json(const std::vector<SpaceName>& names) {
  auto list = Json::array();
  for (const auto& name : names) list.push_back(name.str());
  return list;
}

}  // namespace warren::cli
