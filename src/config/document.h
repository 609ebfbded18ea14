// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace warren::config {

struct Member;
using Table = std::vector<Member>;  ///< in the order of the file

/// A type of TOML that no key of ours takes: float, date, time.
struct Foreign {};

/// A value of a TOML file and the line it begins on.
struct Value {
  int line = 0;
  std::variant<Foreign, bool, std::int64_t, std::string, std::vector<Value>, Table> data;
};

struct Member {
  std::string key;
  Value value;
};

/// Reads TOML. Error: usage, "FILE:LINE: invalid TOML: why".
[[nodiscard]] Result<Table> parse_document(std::string_view text, std::string_view file);

/// Where in which file a value stands: what the messages of its reader begin with.
class Place {
 public:
  Place(std::string_view file, std::string_view key) : file_(file), key_(key) {}

  /// "FILE:LINE: KEY: what", on one line whatever `what` quotes.
  [[nodiscard]] std::unexpected<Error> fail(int line, std::string_view what) const;
  /// A key inside this one.
  [[nodiscard]] Place inside(std::string_view key) const;

  [[nodiscard]] Result<bool> boolean(const Value& value) const;
  [[nodiscard]] Result<std::int64_t> integer(const Value& value, std::int64_t least, std::int64_t most) const;
  /// `example` is what the message tells to write.
  [[nodiscard]] Result<const std::string*> string(const Value& value, std::string_view example) const;
  [[nodiscard]] Result<const std::vector<Value>*> array(const Value& value, std::string_view example) const;
  [[nodiscard]] Result<const Table*> table(const Value& value) const;

  /// The value of a parser of ours, or its reason with this place in front.
  template <class T>
  [[nodiscard]] Result<T> parsed(int line, Result<T> result) const {
    if (!result) return fail(line, result.error().what);
    return result;
  }

 private:
  std::string_view file_;
  std::string key_;
};

/// A key that a table may have, and what reads it into a T.
template <class T>
struct Key {
  std::string_view name;
  Status (*read)(const Place& at, const Value& value, T& into);
};

/// "unknown key; known are: ..."
[[nodiscard]] std::string unknown_key(std::span<const std::string_view> known);

/// Reads each member of a table by its key; an unknown one is an error.
template <class T>
[[nodiscard]] Status read_table(const Place& at, const Table& table, std::span<const Key<T>> keys, T& into) {
  for (const auto& [name, value] : table) {
    const auto place = at.inside(name);
    const Key<T>* known = nullptr;
    for (const auto& key : keys)
      if (key.name == name) known = &key;
    if (!known) {
      std::vector<std::string_view> names;
      for (const auto& key : keys) names.push_back(key.name);
      return place.fail(value.line, unknown_key(names));
    }
    TRY(known->read(place, value, into));
  }
  return {};
}

}  // namespace warren::config
