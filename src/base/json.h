// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace warren {

/// A JSON value. An object keeps its members in the order in which they were put in. The library that reads
/// and escapes JSON is seen by json.cc alone, because its headers take seconds to compile in each file.
class Json {
 public:
  struct Member;

  /// null.
  Json();
  Json(std::nullptr_t);
  template <std::same_as<bool> T>  // and not what would turn into one, as pointers do
  Json(T flag) : value_(flag) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Json(T number)
      : value_(
            static_cast<std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t>>(number)) {}
  Json(double number);
  Json(std::string text);
  Json(std::string_view text);
  Json(const char* text);
  /// An array of what can be a value each.
  template <class T>
  Json(const std::vector<T>& list) : Json(array()) {
    for (const auto& one : list) push_back(one);
  }
  /// An object: Json{{"name", "web1"}, {"number", 1}}. For an array there is list().
  Json(std::initializer_list<Member> members);

  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  ~Json();

  /// An empty array.
  [[nodiscard]] static Json array();
  /// An empty object.
  [[nodiscard]] static Json object();
  [[nodiscard]] static Json list(std::initializer_list<Json> items);
  /// Nothing where the text is no JSON, or values lie in each other more than 200 deep.
  [[nodiscard]] static std::optional<Json> parse(std::string_view text);

  [[nodiscard]] bool is_null() const;
  [[nodiscard]] bool is_number() const;
  [[nodiscard]] bool is_array() const;
  [[nodiscard]] bool is_object() const;
  /// What an array or an object has none of; true for all other values.
  [[nodiscard]] bool empty() const;

  /// The text of a string; null of any other value.
  [[nodiscard]] const std::string* text() const&;
  [[nodiscard]] std::optional<bool> flag() const;
  /// A whole number that is not negative.
  [[nodiscard]] std::optional<std::uint64_t> number() const;
  /// What an array consists of; nothing of any other value.
  [[nodiscard]] std::span<const Json> items() const&;
  [[nodiscard]] std::span<Json> items() &;
  [[nodiscard]] std::span<const Member> members() const&;
  /// The member of an object, the first of that name; null where it has none or is no object.
  [[nodiscard]] const Json* find(std::string_view key) const&;
  // None of these of a value which ends with the expression: what they lead to would be gone.
  const std::string* text() const&& = delete;
  std::span<const Json> items() const&& = delete;
  std::span<const Member> members() const&& = delete;
  const Json* find(std::string_view key) const&& = delete;

  /// The member of an object, which is made (as null) where there is none. What was no object becomes one.
  Json& operator[](std::string_view key);
  /// Puts a member at the end of an object, and does not look whether it has one of that name.
  Json& add(std::string key, Json value);
  /// Puts an item at the end of an array. What was no array becomes one.
  Json& push_back(Json item);

  /// As text: on one line, or with each item on a line of its own, `indent` spaces deeper than what it is in.
  /// Whatever is not UTF-8 in a string becomes U+FFFD.
  [[nodiscard]] std::string dump(unsigned indent = 0) const;

  [[nodiscard]] bool operator==(const Json&) const;

 private:
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;
  struct Writer;
  struct Reader;

  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object> value_;
};

struct Json::Member {
  std::string key;
  Json value;
  [[nodiscard]] bool operator==(const Member&) const = default;
};

}  // namespace warren
