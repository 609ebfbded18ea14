// SPDX-License-Identifier: GPL-2.0-or-later
#include "doctor/ruleset.h"

namespace warren::doctor {
namespace {

void add_chain(Ruleset::Content& content, const Json& chain) {
  if (const auto* name = text_of(member(chain, "name"))) content.chains[*name];
}

void add_rule(Ruleset::Content& content, const Json& object) {
  const auto* chain = text_of(member(object, "chain"));
  const auto* statements = member(object, "expr");
  if (!chain || !statements || !statements->is_array()) return;
  content.chains[*chain].push_back({number_of(member(object, "handle")).value_or(0), *statements});
}

void add_set(Ruleset::Content& content, const Json& set) {
  const auto* name = text_of(member(set, "name"));
  if (!name) return;
  const auto* elements = member(set, "elem");
  content.sets[*name] = elements && elements->is_array() ? *elements : Json::array();
}

}  // namespace

const Json* member(const Json& object, const char* key) { return object.find(key); }

const std::string* text_of(const Json* value) { return value ? value->text() : nullptr; }

std::optional<std::uint64_t> number_of(const Json* value) {
  if (!value) return std::nullopt;
  if (const auto flag = value->flag()) return *flag ? 1 : 0;
  return value->number();
}

Ruleset::Ruleset(std::unique_ptr<Content> content) : content_(std::move(content)) {}
Ruleset::Ruleset(Ruleset&&) noexcept = default;
Ruleset& Ruleset::operator=(Ruleset&&) noexcept = default;
Ruleset::~Ruleset() = default;

Ruleset Ruleset::unreadable() { return Ruleset(std::make_unique<Content>()); }

Ruleset Ruleset::parse(std::string_view json) {
  auto ruleset = unreadable();
  auto& content = *ruleset.content_;
  const auto document = Json::parse(json);
  const auto* objects = document ? document->find("nftables") : nullptr;
  if (!objects || !objects->is_array()) return ruleset;
  content.readable = true;
  for (const auto& object : objects->items()) {
    if (const auto* chain = member(object, "chain")) add_chain(content, *chain);
    if (const auto* rule = member(object, "rule")) add_rule(content, *rule);
    if (const auto* set = member(object, "set")) add_set(content, *set);
    if (const auto* map = member(object, "map")) add_set(content, *map);
  }
  return ruleset;
}

bool Ruleset::readable() const { return content_->readable; }

bool Ruleset::has_chain(const std::string& name) const { return content_->chains.contains(name); }

bool Ruleset::has_chain_like(std::string_view prefix) const {
  const auto found = content_->chains.lower_bound(std::string(prefix));
  return found != content_->chains.end() && found->first.starts_with(prefix);
}

}  // namespace warren::doctor
