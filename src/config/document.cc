// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/document.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <toml++/toml.h>

#include "base/log.h"

namespace warren::config {
namespace {

constexpr int kMaxDepth = 16;  // we need 4: space.NAME.ports[N]

// A dotted key makes one table a dot, and the parser's tables free themselves by recursion: some 40,000 dots
// on one line would overflow the stack. Counting all dots is cruder than finding the keys, and enough.
constexpr int kMaxDots = 8192;

int line_of(const toml::source_region& source) { return static_cast<int>(source.begin.line); }

/// The first line that has more dots than any honest one.
std::optional<int> overlong_line(std::string_view text) {
  int line = 1;
  int dots = 0;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      dots = 0;
    } else if (c == '.' && ++dots > kMaxDots) {
      return line;
    }
  }
  return std::nullopt;
}

/// Turns the parser's tree into ours, which keeps the order of the file and needs no parser to read.
class Converter {
 public:
  /// Nothing: nested deeper than kMaxDepth, at deep_line().
  std::optional<Table> table(const toml::table& from) {
    const Depth depth(*this);
    if (depth_ > kMaxDepth) return std::nullopt;
    Table to;
    to.reserve(from.size());
    for (const auto& [key, node] : from) {
      deep_line_ = line_of(key.source());
      auto member = value(node);
      if (!member) return std::nullopt;
      member->line = line_of(key.source());
      to.push_back({std::string(key.str()), std::move(*member)});
    }
    std::ranges::stable_sort(to, {}, [](const Member& member) { return member.value.line; });
    return to;
  }

  [[nodiscard]] int deep_line() const { return deep_line_; }

 private:
  struct Depth {
    explicit Depth(Converter& owner) : owner_(owner) { ++owner_.depth_; }
    ~Depth() { --owner_.depth_; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    Converter& owner_;
  };

  std::optional<Value> value(const toml::node& node) {
    Value to{line_of(node.source()), {}};
    if (const auto* flag = node.as_boolean()) to.data = flag->get();
    if (const auto* number = node.as_integer()) to.data = number->get();
    if (const auto* text = node.as_string()) to.data = text->get();
    if (const auto* list = node.as_array()) {
      auto items = array(*list);
      if (!items) return std::nullopt;
      to.data = std::move(*items);
    }
    if (const auto* members = node.as_table()) {
      auto inner = table(*members);
      if (!inner) return std::nullopt;
      to.data = std::move(*inner);
    }
    return to;
  }

  std::optional<std::vector<Value>> array(const toml::array& from) {
    const Depth depth(*this);
    if (depth_ > kMaxDepth) return std::nullopt;
    std::vector<Value> to;
    to.reserve(from.size());
    for (const auto& node : from) {
      auto item = value(node);
      if (!item) return std::nullopt;
      to.push_back(std::move(*item));
    }
    return to;
  }

  int depth_ = 0;
  int deep_line_ = 0;
};

std::string_view type_of(const Value& value) {
  constexpr std::string_view names[] = {"a float or date", "true or false", "a number",
                                        "a string",        "an array",      "a table"};
  return names[value.data.index()];
}

/// A key as it would be written, cut to a length that fits a message.
std::string written(std::string_view key) {
  if (key.size() > 64) return std::string(key.substr(0, 64)) + "...";
  return key.empty() || key.find('.') != key.npos ? fmt::format("\"{}\"", key) : std::string(key);
}

std::string wrong_type(std::string_view example, const Value& value) {
  return fmt::format("must be {}, not {}", example, type_of(value));
}

}  // namespace

Result<Table> parse_document(std::string_view text, std::string_view file) {
  const auto bad = [&](int line, std::string_view why) {
    return Place(file, "invalid TOML").fail(line, why);
  };
  if (const auto line = overlong_line(text)) return bad(*line, "too much on one line; break it up");
  try {
    const auto root = toml::parse(text);
    Converter converter;
    if (auto table = converter.table(root)) return std::move(*table);
    return bad(converter.deep_line(),
               fmt::format("more than {} tables or arrays inside each other", kMaxDepth));
  } catch (const toml::parse_error& error) {
    return bad(line_of(error.source()), error.description());
  }
}

std::unexpected<Error> Place::fail(int line, std::string_view what) const {
  return warren::fail(Code::usage, printable(fmt::format("{}:{}: {}: {}", file_, line, key_, what)));
}

Place Place::inside(std::string_view key) const {
  return Place(file_, key_.empty() ? written(key) : key_ + "." + written(key));
}

Result<bool> Place::boolean(const Value& value) const {
  if (const auto* flag = std::get_if<bool>(&value.data)) return *flag;
  return fail(value.line, wrong_type("true or false, without quotes", value));
}

Result<std::int64_t> Place::integer(const Value& value, std::int64_t least, std::int64_t most) const {
  const auto* number = std::get_if<std::int64_t>(&value.data);
  const auto range = fmt::format("a number from {} to {}", least, most);
  if (!number) return fail(value.line, wrong_type(range + ", without quotes", value));
  if (*number < least || *number > most)
    return fail(value.line, fmt::format("{} is out of range: write {}", *number, range));
  return *number;
}

Result<const std::string*> Place::string(const Value& value, std::string_view example) const {
  if (const auto* text = std::get_if<std::string>(&value.data)) return text;
  return fail(value.line, wrong_type(fmt::format("a string like {}", example), value));
}

Result<const std::vector<Value>*> Place::array(const Value& value, std::string_view example) const {
  if (const auto* items = std::get_if<std::vector<Value>>(&value.data)) return items;
  return fail(value.line, wrong_type(fmt::format("an array like {}", example), value));
}

Result<const Table*> Place::table(const Value& value) const {
  if (const auto* members = std::get_if<Table>(&value.data)) return members;
  return fail(value.line, wrong_type("a table", value));
}

std::string unknown_key(std::span<const std::string_view> known) {
  return fmt::format("unknown key; known are: {}", fmt::join(known, ", "));
}

}  // namespace warren::config
