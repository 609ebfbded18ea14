// SPDX-License-Identifier: GPL-2.0-or-later
#include "doctor/match.h"

#include <algorithm>
#include <array>

namespace warren::doctor {
namespace {

constexpr int kMaxDepth = 8;  // of values in values: set, element, concatenation, range

Truth truth(bool holds) { return holds ? Truth::yes : Truth::no; }

Truth negate(Truth value) { return value == Truth::maybe ? Truth::maybe : truth(value == Truth::no); }

/// Some versions of nft write these words where others write numbers.
std::optional<std::uint64_t> symbol(const std::string& word) {
  struct Word {
    std::string_view text;
    std::uint64_t number;
  };
  static constexpr std::array kWords{
      Word{"tcp", 6},     Word{"udp", 17},    Word{"icmp", 1},        Word{"ipv6-icmp", 58},
      Word{"icmpv6", 58}, Word{"ipv4", 2},    Word{"ipv6", 10},       Word{"invalid", 1},
      Word{"related", 4}, Word{"new", 8},     Word{"established", 2}, Word{"untracked", 64},
      Word{"dnat", 32},   Word{"snat", 16},   Word{"original", 0},    Word{"reply", 1},
      Word{"local", 2},   Word{"unicast", 1}, Word{"broadcast", 3},   Word{"multicast", 5},
      Word{"sctp", 132},  Word{"esp", 50},    Word{"ah", 51},         Word{"udplite", 136}};
  const auto* found =
      std::find_if(kWords.begin(), kWords.end(), [&](const auto& w) { return w.text == word; });
  return found == kWords.end() ? std::nullopt : std::optional(found->number);
}

/// A number, a word for one, or a list of flags.
std::optional<std::uint64_t> as_number(const Json& value) {
  if (const auto number = number_of(&value)) return number;
  if (const auto* word = text_of(&value)) return symbol(*word);
  if (!value.is_array() || value.empty()) return std::nullopt;
  std::uint64_t flags = 0;
  for (const auto& flag : value.items()) {
    const auto number = flag.is_array() ? std::nullopt : as_number(flag);
    if (!number) return std::nullopt;
    flags |= *number;
  }
  return flags;
}

std::optional<Ip> as_ip(const Json* value) {
  const auto* text = text_of(value);
  if (!text) return std::nullopt;
  const auto ip = Ip::parse(*text);
  return ip ? std::optional(*ip) : std::nullopt;
}

Truth same_name(const std::string& name, const Json& value) {
  const auto* pattern = text_of(&value);
  if (!pattern) return Truth::maybe;  // an interface index
  if (pattern->ends_with('*')) return truth(name.starts_with(pattern->substr(0, pattern->size() - 1)));
  return truth(name == *pattern);
}

Truth same_bits(const Bits& bits, const Json& value) {
  const auto number = as_number(value);
  if (!number || bits.known != ~std::uint64_t{0}) return Truth::maybe;
  return truth(bits.value == *number);
}

Truth same(const Field& field, const Json& value) {
  if (const auto* name = std::get_if<std::string>(&field)) return same_name(*name, value);
  if (const auto* bits = std::get_if<Bits>(&field)) return same_bits(*bits, value);
  if (const auto* ip = std::get_if<Ip>(&field)) {
    const auto other = as_ip(&value);
    return other ? truth(*ip == *other) : Truth::maybe;
  }
  if (const auto* number = std::get_if<std::uint64_t>(&field)) {
    const auto other = as_number(value);
    return other ? truth(*number == *other) : Truth::maybe;
  }
  return Truth::maybe;
}

Truth in_prefix(const Field& field, const Json& prefix) {
  const auto network = as_ip(member(prefix, "addr"));
  const auto length = number_of(member(prefix, "len"));
  const auto* ip = std::get_if<Ip>(&field);
  if (!network || !length || *length > network->bits() || !ip) return Truth::maybe;
  return truth(Cidr(*network, static_cast<unsigned>(*length)).contains(*ip));
}

Truth in_range(const Field& field, const Json& range) {
  if (range.items().size() != 2) return Truth::maybe;
  const auto& from = range.items()[0];
  const auto& to = range.items()[1];
  if (const auto* ip = std::get_if<Ip>(&field)) {
    const auto first = as_ip(&from);
    const auto last = as_ip(&to);
    return first && last ? truth(*first <= *ip && *ip <= *last) : Truth::maybe;
  }
  const auto* number = std::get_if<std::uint64_t>(&field);
  const auto first = as_number(from);
  const auto last = as_number(to);
  return number && first && last ? truth(*first <= *number && *number <= *last) : Truth::maybe;
}

class Container {
 public:
  explicit Container(const Ruleset::Content& content) : content_(content) {}

  /// Is the value (of one field, or several concatenated) equal to `what`, or in it?
  Truth holds(const Json& what, const std::vector<Field>& fields, int depth = 0) const {
    if (depth > kMaxDepth) return Truth::maybe;
    if (const auto* text = text_of(&what)) {
      if (text->starts_with('@')) return in_named(text->substr(1), fields, depth);
      if (*text == "*") return Truth::yes;
    }
    if (const auto* set = member(what, "set")) return any(*set, fields, depth);
    if (const auto* element = member(what, "elem")) return in_element(*element, fields, depth);
    if (const auto* parts = member(what, "concat")) return all(*parts, fields, depth);
    if (fields.size() != 1) return Truth::maybe;
    if (const auto* prefix = member(what, "prefix")) return in_prefix(fields[0], *prefix);
    if (const auto* range = member(what, "range")) return in_range(fields[0], *range);
    return what.is_object() ? Truth::maybe : same(fields[0], what);
  }

  const Json* named(const std::string& name) const {
    const auto found = content_.sets.find(name);
    return found == content_.sets.end() ? nullptr : &found->second;
  }

 private:
  Truth in_named(const std::string& name, const std::vector<Field>& fields, int depth) const {
    const auto* elements = named(name);
    return elements ? any(*elements, fields, depth) : Truth::maybe;
  }

  Truth in_element(const Json& element, const std::vector<Field>& fields, int depth) const {
    const auto* value = member(element, "val");
    return value ? holds(*value, fields, depth + 1) : Truth::maybe;
  }

  Truth any(const Json& elements, const std::vector<Field>& fields, int depth) const {
    if (!elements.is_array()) return holds(elements, fields, depth + 1);  // nft writes a set of one so
    auto best = Truth::no;
    for (const auto& element : elements.items()) {
      best = std::max(best, holds(element, fields, depth + 1));
      if (best == Truth::yes) break;
    }
    return best;
  }

  Truth all(const Json& parts, const std::vector<Field>& fields, int depth) const {
    if (!parts.is_array() || parts.items().size() != fields.size()) return Truth::maybe;
    auto worst = Truth::yes;
    for (std::size_t i = 0; i < fields.size() && worst != Truth::no; ++i)
      worst = std::min(worst, holds(parts.items()[i], {fields[i]}, depth + 1));
    return worst;
  }

  const Ruleset::Content& content_;
};

Truth flags_in(const Bits& bits, const Json& right) {
  const auto wanted = as_number(right);
  if (!wanted) return Truth::maybe;
  if (bits.value & bits.known & *wanted) return Truth::yes;
  return *wanted & ~bits.known ? Truth::maybe : Truth::no;
}

Truth in(const std::vector<Field>& fields, const Json& right, const Container& container) {
  const bool set = right.is_object() || (text_of(&right) && text_of(&right)->starts_with('@'));
  if (fields.size() != 1 || set) return container.holds(right, fields);
  if (const auto* bits = std::get_if<Bits>(&fields[0])) return flags_in(*bits, right);
  if (const auto* number = std::get_if<std::uint64_t>(&fields[0])) return flags_in(Bits{*number}, right);
  return container.holds(right, fields);
}

Truth ordered(const std::string& op, const std::vector<Field>& fields, const Json& right) {
  const auto limit = as_number(right);
  const auto* number = fields.size() == 1 ? std::get_if<std::uint64_t>(&fields[0]) : nullptr;
  if (!limit || !number) return Truth::maybe;
  if (op == "<") return truth(*number < *limit);
  if (op == ">") return truth(*number > *limit);
  if (op == "<=") return truth(*number <= *limit);
  if (op == ">=") return truth(*number >= *limit);
  return Truth::maybe;
}

Truth match(const Json& body, const View& view, const Ruleset::Content& content) {
  const auto* left = member(body, "left");
  const auto* right = member(body, "right");
  const auto* op = text_of(member(body, "op"));
  if (!left || !right) return Truth::maybe;
  const auto reading = read_expression(*left, view);
  if (reading.absent) return Truth::no;
  const Container container(content);
  if (!op || *op == "==") return container.holds(*right, reading.fields);
  if (*op == "!=") return negate(container.holds(*right, reading.fields));
  if (*op == "in") return in(reading.fields, *right, container);
  if (*op == "!") return negate(in(reading.fields, *right, container));
  return ordered(*op, reading.fields, *right);
}

/// Matches and targets of iptables that nft has no words for. An extension header, which our packets do not
/// have, is matched by none of its matches, inverted or not.
Truth xtables(const Json& body) {
  static constexpr std::array<std::string_view, 11> kOtherHeaders{
      "rt", "frag", "ah", "hbh", "dst", "mh", "esp", "ipcomp", "sctp", "dccp", "udplite"};
  const auto* type = text_of(member(body, "type"));
  const auto* name = text_of(member(body, "name"));
  if (!type || !name) return Truth::maybe;
  if (*type != "match" || *name == "comment") return Truth::yes;
  return std::find(kOtherHeaders.begin(), kOtherHeaders.end(), *name) != kOtherHeaders.end() ? Truth::no
                                                                                             : Truth::maybe;
}

/// Traffic is taken to be below any limit: "over" does not hold, the others do.
Truth below_limit(const Json& body) {
  const auto inverted = number_of(member(body, "inv"));
  return truth(!inverted || *inverted == 0);
}

Truth nested_limits(const Json& body) {
  const auto* statements = member(body, "stmt");
  if (!statements || !statements->is_array()) return Truth::yes;
  auto worst = Truth::yes;
  for (const auto& statement : statements->items())
    for (const auto* kind : {"limit", "ct count"})
      if (const auto* limit = member(statement, kind)) worst = std::min(worst, below_limit(*limit));
  return worst;
}

bool only_acts(const std::string& kind) {
  static constexpr std::array<std::string_view, 14> kActions{
      "counter", "log", "mangle", "notrack", "ct helper", "ct timeout", "ct expectation",
      "flow",    "dup", "last",   "secmark", "tproxy",    "comment",    "continue"};
  return std::find(kActions.begin(), kActions.end(), kind) != kActions.end();
}

}  // namespace

Truth condition(const Json& statement, const View& view, const Ruleset::Content& content) {
  if (statement.members().empty()) return Truth::maybe;
  const auto& [kind, body] = statement.members().front();
  if (kind == "match") return match(body, view, content);
  if (kind == "xt") return xtables(body);
  if (kind == "limit" || kind == "ct count") return body.is_object() ? below_limit(body) : Truth::maybe;
  if (kind == "set" || kind == "map" || kind == "meter") return nested_limits(body);
  return only_acts(kind) ? Truth::yes : Truth::maybe;
}

std::vector<std::pair<Truth, const Json*>> look_up(const Json& vmap, const View& view,
                                                   const Ruleset::Content& content) {
  std::vector<std::pair<Truth, const Json*>> verdicts;
  const auto* key = member(vmap, "key");
  const auto* data = member(vmap, "data");
  if (!key || !data) return verdicts;
  const auto reading = read_expression(*key, view);
  if (reading.absent) return verdicts;
  const Container container(content);
  const auto* name = text_of(data);
  const auto* entries =
      name && name->starts_with('@') ? container.named(name->substr(1)) : member(*data, "set");
  if (!entries || !entries->is_array()) return verdicts;
  const Json* otherwise = nullptr;
  for (const auto& entry : entries->items()) {
    if (entry.items().size() != 2) continue;
    const auto& value = entry.items()[0];
    const auto& verdict = entry.items()[1];
    if (value.text() && *value.text() == "*") {
      otherwise = &verdict;
      continue;
    }
    const auto found = container.holds(value, reading.fields);
    if (found != Truth::no) verdicts.emplace_back(found, &verdict);
    if (found == Truth::yes) return verdicts;
  }
  if (otherwise) verdicts.emplace_back(verdicts.empty() ? Truth::yes : Truth::maybe, otherwise);
  return verdicts;
}

}  // namespace warren::doctor
