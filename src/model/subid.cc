// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/subid.h"

#include <algorithm>
#include <fmt/format.h>

namespace warren::model {
namespace {

constexpr std::string_view kBegin = "# BEGIN warren (written by `warren id`; changes are lost)";
constexpr std::string_view kEnd = "# END warren";
constexpr std::string_view kBeginMark = "# BEGIN warren";

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

std::string line_of(std::string_view name, const IdRange& range) {
  return fmt::format("{}:{}:{}", name, range.first, range.count);
}

bool is_mark(std::string_view line) { return line.starts_with(kBeginMark) || line == kEnd; }

bool is_ours(std::string_view line, const std::vector<IdBlock>& blocks) {
  return line.starts_with(fmt::format("{}:", kFreedOwner)) ||
         std::ranges::any_of(
             blocks, [&](const auto& block) { return line == line_of(block.owner.str(), block.range); });
}

/// NAME:FIRST:COUNT.
std::optional<IdUse> parse_use(std::string_view line, std::string_view path) {
  const auto first = line.find(':');
  const auto second = first == line.npos ? line.npos : line.find(':', first + 1);
  if (second == line.npos || first == 0 || line[0] == '#') return std::nullopt;
  const auto from = parse_id(line.substr(first + 1, second - first - 1));
  const auto count = parse_id(line.substr(second + 1));
  if (!from || !count || *count == 0) return std::nullopt;
  const auto most = std::min(*count, kLastId - *from + 1);
  return IdUse{{*from, most}, fmt::format("{} in {}", shown(line.substr(0, first)), path)};
}

void add_uses(std::string_view text, std::string_view path, std::vector<IdUse>& to) {
  while (!text.empty())
    if (auto use = parse_use(without_end(take_line(text)), path)) to.push_back(std::move(*use));
}

}  // namespace

SubidFile SubidFile::parse(std::string_view text, const std::vector<IdBlock>& blocks) {
  SubidFile file;
  while (!text.empty()) {
    const auto whole = take_line(text), line = without_end(whole);
    if (is_mark(line))
      file.marked = true;
    else if (is_ours(line, blocks))
      file.lines.emplace_back(line);
    else
      (file.marked ? file.after : file.before) += whole;
  }
  std::ranges::sort(file.lines);
  return file;
}

std::string SubidFile::with(const std::optional<std::vector<std::string>>& section) const {
  std::string text = before;
  if (!text.empty() && !text.ends_with('\n') && (section || !after.empty())) text += '\n';
  if (section) {
    text += fmt::format("{}\n", kBegin);
    for (const auto& line : *section) text += line + '\n';
    text += fmt::format("{}\n", kEnd);
  }
  return text + after;
}

std::vector<IdUse> SubidFile::uses(std::string_view path) const {
  std::vector<IdUse> all;
  add_uses(before, path, all);
  add_uses(after, path, all);
  return all;
}

std::vector<std::string> subid_lines(const std::vector<IdBlock>& blocks) {
  std::vector<std::string> lines;
  for (const auto& block : blocks)
    lines.push_back(
        line_of(block.quarantined ? kFreedOwner : std::string_view(block.owner.str()), block.range));
  std::ranges::sort(lines);
  return lines;
}

}  // namespace warren::model
