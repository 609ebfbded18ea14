// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/spaces_file.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <tuple>

#include "config/collisions.h"
#include "config/devices.h"
#include "config/document.h"

namespace warren::config {
namespace {

using model::ForwardSpec;

/// A space while it is read, with what only the checks need.
struct SpaceDraft {
  SpaceEntry entry;
  std::vector<int> port_lines;  ///< of entry.ports
};

Status read_number(const Place& at, const Value& value, SpaceDraft& to) {
  to.entry.number = static_cast<SpaceNumber>(TRY(at.integer(value, kFirstNumber, kLastNumber)));
  return {};
}

Result<Ip> read_ip(const Place& at, const Value& value, Family family, std::string_view example) {
  const auto& text = *TRY(at.string(value, example));
  const Ip ip = TRY(at.parsed(value.line, Ip::parse(text)));
  if (ip.family() != family)
    return at.fail(value.line, fmt::format("'{}' is of the other family: write one like {}", text, example));
  return ip;
}

Status read_ip4(const Place& at, const Value& value, SpaceDraft& to) {
  to.entry.ip4 = TRY(read_ip(at, value, Family::v4, "\"100.64.0.7\""));
  return {};
}

Status read_ip6(const Place& at, const Value& value, SpaceDraft& to) {
  to.entry.ip6 = TRY(read_ip(at, value, Family::v6, "\"fdaa:bbbb:cccc:7::2\""));
  return {};
}

Status read_nat(const Place& at, const Value& value, SpaceDraft& to) {
  to.entry.nat = TRY(at.boolean(value));
  return {};
}

Status read_state(const Place& at, const Value& value, SpaceDraft& to) {
  constexpr std::string_view words = "\"up\" or \"down\"";
  const auto& text = *TRY(at.string(value, words));
  if (text != "up" && text != "down")
    return at.fail(value.line, fmt::format("'{}' is not a state: write {}", text.substr(0, 80), words));
  to.entry.up = text == "up";
  return {};
}

Status read_ports(const Place& at, const Value& value, SpaceDraft& to) {
  const auto& items = *TRY(at.array(value, "[\"6000:8080\"]"));
  to.entry.ports.reserve(items.size());
  to.port_lines.reserve(items.size());
  for (const auto& item : items) {
    const auto& text = *TRY(at.string(item, "\"6000:8080\""));
    to.entry.ports.push_back(TRY(at.parsed(item.line, ForwardSpec::parse(text))));
    to.port_lines.push_back(item.line);
  }
  return {};
}

Status read_uplink(const Place& at, const Value& value, SpaceDraft& to) {
  to.entry.uplink = TRY(at.boolean(value));
  return {};
}

Status read_devices_of(const Place& at, const Value& value, SpaceDraft& to) {
  to.entry.devices = TRY(read_devices(at, value));
  return {};
}

constexpr std::array<Key<SpaceDraft>, 8> kSpaceKeys{{
    {"ports", read_ports},
    {"ip4", read_ip4},
    {"ip6", read_ip6},
    {"nat", read_nat},
    {"state", read_state},
    {"number", read_number},
    {"uplink", read_uplink},
    {"device", read_devices_of},
}};

using Drafts = std::vector<SpaceDraft>;

Status read_spaces(const Place& at, const Value& value, Drafts& to) {
  const auto& table = *TRY(at.table(value));
  to.reserve(table.size());
  for (const auto& [name, body] : table) {
    const auto place = at.inside(name);
    SpaceDraft draft;
    draft.entry.line = body.line;
    draft.entry.name = TRY(place.parsed(body.line, SpaceName::parse(name)));
    TRY(read_table<SpaceDraft>(place, *TRY(place.table(body)), kSpaceKeys, draft));
    to.push_back(std::move(draft));
  }
  return {};
}

constexpr std::array<Key<Drafts>, 1> kFileKeys{{{"space", read_spaces}}};

Place place_of(const SpaceEntry& entry, std::string_view file, std::string_view key) {
  return Place(file, "space").inside(entry.name.str()).inside(key);
}

/// No two spaces may have the same value of what `get` gets.
template <class T>
Status check_unique(const Drafts& drafts, std::string_view file, std::string_view key,
                    std::optional<T> SpaceEntry::*get) {
  std::map<T, const SpaceEntry*> owners;
  for (const auto& [entry, lines] : drafts) {
    if (!(entry.*get)) continue;
    const auto [owner, is_new] = owners.emplace(*(entry.*get), &entry);
    if (!is_new)
      return place_of(entry, file, key)
          .fail(entry.line, fmt::format("space {} (line {}) has the same: choose another",
                                        owner->second->name.str(), owner->second->line));
  }
  return {};
}

/// Specifications without a host port cannot collide, but the same one twice is a slip of the pen.
Status check_free_ports(const SpaceDraft& draft, std::string_view file) {
  std::map<std::tuple<Proto, std::optional<Ip>, Port>, int> seen;
  for (std::size_t i = 0; i < draft.entry.ports.size(); ++i) {
    const auto& spec = draft.entry.ports[i];
    if (spec.ports) continue;
    for (const auto proto : spec.protos) {
      const auto [first, is_new] = seen.emplace(std::tuple(proto, spec.host, spec.to), draft.port_lines[i]);
      if (!is_new)
        return place_of(draft.entry, file, "ports")
            .fail(draft.port_lines[i], fmt::format("port {}/{} stands twice (line {} too): leave one out",
                                                   spec.to, name(proto), first->second));
    }
  }
  return {};
}

std::vector<Claim> claims_of(const Drafts& drafts) {
  std::vector<Claim> claims;
  for (const auto& [entry, lines] : drafts)
    for (std::size_t i = 0; i < entry.ports.size(); ++i) {
      const auto& spec = entry.ports[i];
      if (!spec.ports) continue;
      for (const auto proto : spec.protos)
        claims.push_back({{proto, spec.host, *spec.ports, spec.to}, &entry.name, lines[i]});
    }
  return claims;
}

Status check_collisions(const Drafts& drafts, std::string_view file) {
  auto claims = claims_of(drafts);
  const auto found = find_collision(claims);
  if (!found) return {};
  const auto& [first, second] = *found;
  const auto what =
      *first.space == *second.space && first.forward == second.forward
          ? fmt::format("'{}' stands twice (line {} too): leave one out", second.forward.spec(), first.line)
          : fmt::format("'{}' collides with '{}' of space {} (line {}): choose another host port",
                        second.forward.spec(), first.forward.spec(), first.space->str(), first.line);
  return Place(file, "space").inside(second.space->str()).inside("ports").fail(second.line, what);
}

Status check(const Drafts& drafts, std::string_view file) {
  TRY(check_unique(drafts, file, "number", &SpaceEntry::number));
  TRY(check_unique(drafts, file, "ip4", &SpaceEntry::ip4));
  TRY(check_unique(drafts, file, "ip6", &SpaceEntry::ip6));
  for (const auto& draft : drafts) TRY(check_free_ports(draft, file));
  for (const auto& [entry, lines] : drafts)
    if (!entry.uplink && !lines.empty())
      return place_of(entry, file, "ports")
          .fail(lines.front(),
                "a space without an uplink has no forwards: leave them out, or uplink = false");
  return check_collisions(drafts, file);
}

}  // namespace

Result<SpacesFile> parse_spaces(std::string_view text, std::string_view file) {
  Drafts drafts;
  {
    const auto document = TRY(parse_document(text, file));
    TRY(read_table<Drafts>(Place(file, ""), document, kFileKeys, drafts));
  }
  TRY(check(drafts, file));
  SpacesFile result;
  result.spaces.reserve(drafts.size());
  for (auto& draft : drafts) result.spaces.push_back(std::move(draft.entry));
  return result;
}

}  // namespace warren::config
