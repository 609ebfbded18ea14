// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/subid.h"

#include <fmt/format.h>

namespace warren::model {
namespace {

constexpr std::string_view kBegin = "# BEGIN warren (written by `warren id`; changes are lost)";
constexpr std::string_view kEnd = "# END warren";
constexpr std::string_view kBeginMark = "# BEGIN warren";
constexpr std::string_view kNobodys = "warren.freed";  // no login: useradd makes none with a dot

/// Takes a line with its end off the front.
std::string_view take_line(std::string_view& rest) {
  const auto line = rest.substr(0, rest.find('\n') == rest.npos ? rest.size() : rest.find('\n') + 1);
  rest.remove_prefix(line.size());
  return line;
}

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line;
}

/// NAME:FIRST:COUNT.
std::optional<IdUse> parse_use(std::string_view line, std::string_view path) {
  const auto first = line.find(':');
  const auto second = first == line.npos ? line.npos : line.find(':', first + 1);
  if (second == line.npos || first == 0 || line[0] == '#') return std::nullopt;
  const auto from = parse_id(line.substr(first + 1, second - first - 1));
  const auto count = parse_id(line.substr(second + 1));
  if (!from || !count || *count == 0) return std::nullopt;
  const auto most = std::min(*count, kLastId - *from + 1);  // some write 4294967295 for "all the rest"
  return IdUse{{*from, most}, fmt::format("{} in {}", shown(line.substr(0, first)), path)};
}

void add_uses(std::string_view text, std::string_view path, std::vector<IdUse>& to) {
  while (!text.empty())
    if (auto use = parse_use(without_end(take_line(text)), path)) to.push_back(std::move(*use));
}

std::unexpected<Error> unpaired(std::string_view mark, int line, std::string_view other) {
  return fail(Code::failed, fmt::format("line {}: '{}' without '{}': mend it by hand, nothing was changed",
                                        line, mark, other));
}

}  // namespace

Result<SubidFile> SubidFile::parse(std::string_view text) {
  SubidFile file;
  bool inside = false;
  int number = 0, begun = 0;
  for (auto rest = text; !rest.empty();) {
    const auto line = take_line(rest);
    ++number;
    if (line.starts_with(kBeginMark)) {
      if (inside) return unpaired(kBeginMark, begun, kEnd);
      if (file.section)
        return fail(Code::failed, fmt::format("line {}: a second '{}': mend it by hand, nothing was changed",
                                              number, kBeginMark));
      inside = true, begun = number, file.section = "";
    } else if (without_end(line) == kEnd) {
      if (!inside) return unpaired(kEnd, number, kBeginMark);
      inside = false;
    } else {
      (inside ? *file.section : file.section ? file.after : file.before) += line;
    }
  }
  if (inside) return unpaired(kBeginMark, begun, kEnd);
  return file;
}

std::string SubidFile::str() const {
  std::string text = before;
  if (!section) return text + after;
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  return text + fmt::format("{}\n{}{}\n", kBegin, *section, kEnd) + after;
}

std::vector<IdUse> SubidFile::uses(std::string_view path) const {
  std::vector<IdUse> all;
  add_uses(before, path, all);
  add_uses(after, path, all);
  return all;
}

std::string subid_section(const std::vector<IdBlock>& blocks) {
  std::string text;
  for (const auto& block : blocks)
    text += fmt::format("{}:{}:{}\n", block.quarantined ? kNobodys : std::string_view(block.owner.str()),
                        block.range.first, block.range.count);
  return text;
}

}  // namespace warren::model
