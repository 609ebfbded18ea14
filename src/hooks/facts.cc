// SPDX-License-Identifier: GPL-2.0-or-later
#include "hooks/facts.h"

#include <fmt/format.h>
#include <optional>

#include "base/json.h"
#include "model/derive.h"

namespace warren::hooks {
namespace {

constexpr std::size_t kLongestList = 32768;  // the kernel takes 128 KiB for one variable

std::string variable(std::string_view key) {
  std::string name = "WARREN_";
  for (const char c : key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

std::optional<std::string> text(const std::optional<Ip>& ip) {
  if (!ip) return std::nullopt;
  return ip->str();
}

}  // namespace

std::string_view name(Event event) {
  switch (event) {
    case Event::pre_up:
      return "pre-up";
    case Event::up:
      return "up";
    case Event::pre_down:
      return "pre-down";
    case Event::down:
      return "down";
    case Event::dev_add:
      return "dev-add";
    case Event::dev_rm:
      return "dev-rm";
  }
  return "?";
}

bool has_inside(Event event) { return event != Event::pre_up && event != Event::down; }

Facts::Facts(const Place& place, const model::Space& space, const model::Settings& settings)
    : space_(space.name) {
  const auto wiring = model::wiring(space, settings);
  std::vector<std::string> forwards;
  for (const auto& forward : space.forwards) forwards.push_back(forward.spec());
  add("space", space.name.str());
  add_number("number", space.number);
  const auto of_uplink = [&](std::string key, const std::optional<std::string>& value) {
    add(std::move(key), space.uplink ? value : std::nullopt);
  };
  of_uplink("ipv4", wiring.ip4.str());
  of_uplink("ipv6", text(wiring.ip6));
  of_uplink("gateway4", model::gateway4(settings).str());
  of_uplink("gateway6", wiring.ip6 ? text(model::link_gateway6()) : std::nullopt);
  of_uplink("interface", wiring.inner.str());
  of_uplink("mac", wiring.inner_mac.str());
  of_uplink("host_interface", wiring.outer.str());
  of_uplink("host_mac", wiring.outer_mac.str());
  add("netns", place.pin(space.name.str()));
  add_flag("nat", space.nat);
  add_flag("adopted", space.adopted);
  add_list("forwards", forwards);
}

void Facts::add(const Device& device) {
  add("device", device.name);
  add("device_type", device.type);
  add("device_mac", device.mac);
  add("device_parent", device.parent);
  add_number("device_vlan", device.vlan);
}

void Facts::add(std::string key, const std::optional<std::string>& text) {
  list_.push_back({std::move(key), text, text ? Json(*text).dump() : "null"});
}

void Facts::add_number(std::string key, const std::optional<std::int64_t>& number) {
  const auto words = number ? std::optional(std::to_string(*number)) : std::nullopt;
  list_.push_back({std::move(key), words, words.value_or("null")});
}

void Facts::add_flag(std::string key, bool flag) {
  const std::string word = flag ? "true" : "false";
  list_.push_back({std::move(key), word, word});
}

void Facts::add_list(std::string key, const std::vector<std::string>& list) {
  std::optional<std::string> words = fmt::format("{}", fmt::join(list, " "));
  if (words->size() > kLongestList) words.reset();
  list_.push_back({std::move(key), std::move(words), Json(list).dump()});
}

std::vector<std::string> Facts::environment() const {
  std::vector<std::string> all;
  for (const auto& fact : list_)
    if (fact.words) all.push_back(fmt::format("{}={}", variable(fact.key), *fact.words));
  return all;
}

std::string Facts::json() const {
  std::vector<std::string> members;
  for (const auto& fact : list_) members.push_back(fmt::format("\"{}\":{}", fact.key, fact.json));
  return fmt::format("{{{}}}\n", fmt::join(members, ","));
}

}  // namespace warren::hooks
