// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace warren {

Json::Json() = default;
Json::Json(std::nullptr_t) {}
Json::Json(double number) : value_(number) {}
Json::Json(std::string text) : value_(std::move(text)) {}
Json::Json(std::string_view text) : value_(std::string(text)) {}
Json::Json(const char* text) : value_(std::string(text)) {}
Json::Json(std::initializer_list<Member> members) : value_(Object(members)) {}
Json::Json(const Json&) = default;
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(const Json&) = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;

Json Json::array() {
  Json json;
  json.value_ = Array();
  return json;
}

Json Json::object() {
  Json json;
  json.value_ = Object();
  return json;
}

Json Json::list(std::initializer_list<Json> items) {
  Json json;
  json.value_ = Array(items);
  return json;
}

bool Json::is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }

bool Json::is_number() const {
  return std::holds_alternative<std::int64_t>(value_) || std::holds_alternative<std::uint64_t>(value_) ||
         std::holds_alternative<double>(value_);
}

bool Json::is_array() const { return std::holds_alternative<Array>(value_); }
bool Json::is_object() const { return std::holds_alternative<Object>(value_); }
bool Json::empty() const { return items().empty() && members().empty(); }

const std::string* Json::text() const& { return std::get_if<std::string>(&value_); }

std::optional<bool> Json::flag() const {
  const auto* flag = std::get_if<bool>(&value_);
  return flag ? std::optional(*flag) : std::nullopt;
}

std::optional<std::uint64_t> Json::number() const {
  if (const auto* number = std::get_if<std::uint64_t>(&value_)) return *number;
  const auto* number = std::get_if<std::int64_t>(&value_);
  return number && *number >= 0 ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
}

std::span<const Json> Json::items() const& {
  const auto* array = std::get_if<Array>(&value_);
  return array ? std::span<const Json>(*array) : std::span<const Json>();
}

std::span<Json> Json::items() & {
  auto* array = std::get_if<Array>(&value_);
  return array ? std::span<Json>(*array) : std::span<Json>();
}

std::span<const Json::Member> Json::members() const& {
  const auto* object = std::get_if<Object>(&value_);
  return object ? std::span<const Member>(*object) : std::span<const Member>();
}

const Json* Json::find(std::string_view key) const& {
  for (const auto& member : members())
    if (member.key == key) return &member.value;
  return nullptr;
}

Json& Json::operator[](std::string_view key) {
  if (const auto* found = find(key)) return const_cast<Json&>(*found);
  return add(std::string(key), nullptr);
}

Json& Json::add(std::string key, Json value) {
  auto* object = std::get_if<Object>(&value_);
  if (!object) object = &value_.emplace<Object>();
  return object->emplace_back(std::move(key), std::move(value)).value;
}

Json& Json::push_back(Json item) {
  auto* array = std::get_if<Array>(&value_);
  if (!array) array = &value_.emplace<Array>();
  return array->emplace_back(std::move(item));
}

bool Json::operator==(const Json& other) const {
  if (is_number() && other.is_number() && number() && other.number()) return number() == other.number();
  return value_ == other.value_;
}

// ---- writing ----------------------------------------------------------------------------------------------

struct Json::Writer {
  unsigned indent;
  std::string out;

  void write(std::string_view text) {
    const auto plain = [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
    if (std::all_of(text.begin(), text.end(), plain))
      fmt::format_to(std::back_inserter(out), "\"{}\"", text);
    else
      out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  void new_line(std::size_t depth) {
    if (indent > 0) out.append("\n").append(depth * indent, ' ');
  }

  template <class Each, class One>
  void write_all(char open, char close, const Each& all, std::size_t depth, const One& one) {
    out += open;
    for (const auto& each : all) {
      if (&each != all.data()) out += ',';
      new_line(depth + 1);
      one(each);
    }
    if (!all.empty()) new_line(depth);
    out += close;
  }

  void write(const Array& array, std::size_t depth) {
    write_all('[', ']', array, depth, [&](const Json& item) { write(item, depth + 1); });
  }

  void write(const Object& object, std::size_t depth) {
    write_all('{', '}', object, depth, [&](const Member& member) {
      write(member.key);
      out += indent > 0 ? ": " : ":";
      write(member.value, depth + 1);
    });
  }

  void write(std::nullptr_t, std::size_t) { out += "null"; }
  void write(bool flag, std::size_t) { out += flag ? "true" : "false"; }
  void write(std::int64_t number, std::size_t) { out += std::to_string(number); }
  void write(std::uint64_t number, std::size_t) { out += std::to_string(number); }
  void write(double number, std::size_t) { out += nlohmann::json(number).dump(); }
  void write(const std::string& text, std::size_t) { write(text); }
  void write(const Json& json, std::size_t depth) {
    std::visit([&](const auto& value) { write(value, depth); }, json.value_);
  }
};

std::string Json::dump(unsigned indent) const {
  Writer writer{indent, {}};
  writer.write(*this, 0);
  return std::move(writer.out);
}

// ---- reading ----------------------------------------------------------------------------------------------

/// What the library's parser calls for each thing that it reads. False ends the reading.
struct Json::Reader {
  static constexpr std::size_t kDeepest = 200;

  Json root;
  std::vector<Json*>
      open;          ///< the arrays and objects which are being read; each is the last item of the one before
  std::string name;  ///< of the member to come

  Json& put(Json value) {
    if (open.empty()) return root = std::move(value);
    auto& in = *open.back();
    return in.is_array() ? in.push_back(std::move(value)) : in.add(std::move(name), std::move(value));
  }
  bool value(Json one) {
    put(std::move(one));
    return true;
  }
  bool begin(Json empty) {
    open.push_back(&put(std::move(empty)));
    return open.size() <= kDeepest;
  }
  bool end() {
    open.pop_back();
    return true;
  }

  bool null() { return value(nullptr); }
  bool boolean(bool flag) { return value(flag); }
  bool number_integer(std::int64_t number) { return value(number); }
  bool number_unsigned(std::uint64_t number) { return value(number); }
  bool number_float(double number, const std::string&) { return value(number); }
  bool string(std::string& text) { return value(std::move(text)); }
  bool binary(const nlohmann::json::binary_t&) { return false; }
  bool start_array(std::size_t) { return begin(array()); }
  bool end_array() { return end(); }
  bool start_object(std::size_t) { return begin(object()); }
  bool key(std::string& text) {
    name = std::move(text);
    return true;
  }
  bool end_object() { return end(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) { return false; }
};

std::optional<Json> Json::parse(std::string_view text) {
  Reader reader;
  if (!nlohmann::json::sax_parse(text, &reader)) return std::nullopt;
  return std::move(reader.root);
}

}  // namespace warren
