// SPDX-License-Identifier: GPL-2.0-or-later
// Rules from JSON back into words, for messages only.
#include <algorithm>
#include <fmt/format.h>

#include "doctor/ruleset.h"

namespace warren::doctor {
namespace {

constexpr std::size_t kMaxText = 120;
constexpr int kMostNested = 6;

std::string value_text(const Json& value, int depth);

std::string list_text(const Json& values, std::string_view between, int depth) {
  std::string text;
  for (const auto& value : values.items()) {
    if (!text.empty()) text += between;
    text += value_text(value, depth + 1);
    if (text.size() > kMaxText) break;
  }
  return text;
}

std::string text_or(const Json* value, std::string_view other) {
  if (const auto* text = text_of(value)) return *text;
  return value && value->is_number() ? value->dump() : std::string(other);
}

std::string object_text(const Json& value, int depth) {
  if (const auto* meta = member(value, "meta")) {
    const auto key = text_or(member(*meta, "key"), "?");
    return key == "l4proto" || key == "nfproto" || key == "mark" ? "meta " + key : key;
  }
  if (const auto* payload = member(value, "payload"))
    return text_or(member(*payload, "protocol"), "?") + " " + text_or(member(*payload, "field"), "?");
  if (const auto* ct = member(value, "ct")) return "ct " + text_or(member(*ct, "key"), "?");
  if (const auto* fib = member(value, "fib")) return "fib " + text_or(member(*fib, "result"), "?");
  if (const auto* prefix = member(value, "prefix"))
    return text_or(member(*prefix, "addr"), "?") + "/" + text_or(member(*prefix, "len"), "?");
  if (const auto* range = member(value, "range")) return list_text(*range, "-", depth);
  if (const auto* set = member(value, "set")) return "{ " + list_text(*set, ", ", depth) + " }";
  if (const auto* parts = member(value, "concat")) return list_text(*parts, " . ", depth);
  if (const auto* masked = member(value, "&")) return list_text(*masked, " & ", depth);
  if (const auto* element = member(value, "elem")) return text_or(member(*element, "val"), "?");
  return value.members().empty() ? "?" : value.members().front().key;
}

std::string value_text(const Json& value, int depth) {
  if (depth > kMostNested) return "...";
  if (const auto* text = text_of(&value)) return *text;
  if (value.is_object()) return object_text(value, depth);
  return value.is_array() ? list_text(value, ",", depth) : value.dump();
}

std::string match_text(const Json& body) {
  const auto* left = member(body, "left");
  const auto* right = member(body, "right");
  if (!left || !right) return "?";
  const auto op = text_or(member(body, "op"), "==");
  const auto sign = op == "==" || op == "in" ? std::string(" ") : " " + op + " ";
  return value_text(*left, 0) + sign + value_text(*right, 0);
}

std::string statement_text(const Json& statement) {
  if (statement.members().empty()) return "?";
  const auto& [kind, body] = statement.members().front();
  if (kind == "counter" || kind == "log" || kind == "comment") return {};
  if (kind == "match") return match_text(body);
  if (kind == "xt") return "xt " + text_or(member(body, "name"), "?");
  if (kind == "vmap") return member(body, "key") ? value_text(*member(body, "key"), 0) + " vmap" : kind;
  if (kind == "jump" || kind == "goto") return kind + " " + text_or(member(body, "target"), "?");
  return kind;
}

/// Names in rules may be anyone's: nothing of them may reach a terminal as a control character.
void make_printable(std::string& text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
      '?');
}

}  // namespace

std::string rule_text(const Json& statements) {
  std::string text;
  for (const auto& statement : statements.items()) {
    const auto next = statement_text(statement);
    if (next.empty()) continue;
    if (!text.empty()) text += ' ';
    text += next;
    if (text.size() > kMaxText) break;
  }
  if (text.size() > kMaxText) text = text.substr(0, kMaxText - 3) + "...";
  make_printable(text);
  return text;
}

}  // namespace warren::doctor
