// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/settings.h"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <limits>

#include "config/document.h"
#include "config/read_text.h"

namespace warren::config {
namespace {

using model::Settings;

constexpr std::int64_t kLongestHook = 3600;  // seconds

Status read_pool(const Place& at, const Value& value, Settings& to) {
  constexpr std::string_view example = "\"100.64.0.0/16\"";
  const auto& text = *TRY(at.string(value, example));
  const Cidr pool = TRY(at.parsed(value.line, Cidr::parse(text)));
  const auto bad = [&](std::string_view why) {
    return at.fail(value.line, fmt::format("'{}' {}: write one like {}", text, why, example));
  };
  if (!pool.network().is_v4()) return bad("is not an IPv4 network");
  if (pool.prefix() < 16 || pool.prefix() > 24) return bad("is not from /16 to /24");
  const unsigned first = pool.network().bytes()[0];
  if (first == 127) return bad("is the loopback network");
  if (first == 0 || first >= 224) return bad("holds no addresses that a host can have");
  to.pool = pool;
  return {};
}

Status read_ula(const Place& at, const Value& value, Settings& to) {
  constexpr std::string_view example = "\"fdaa:bbbb:cccc::/48\"";
  const auto& text = *TRY(at.string(value, example));
  const Cidr ula = TRY(at.parsed(value.line, Cidr::parse(text)));
  if (ula.network().is_v4() || ula.prefix() != 48 || ula.network().bytes()[0] != 0xfd)
    return at.fail(value.line,
                   fmt::format("'{}' is not a /48 inside fd00::/8: write one like {}", text, example));
  to.ula = ula;
  return {};
}

Status read_uplink(const Place& at, const Value& value, Settings& to) {
  const auto& text = *TRY(at.string(value, "\"eth0\", or \"none\""));
  to.no_uplink = text == "none";
  if (!to.no_uplink) to.uplink = TRY(at.parsed(value.line, IfName::parse(text)));
  return {};
}

Status read_ipv6(const Place& at, const Value& value, Settings& to) {
  to.ipv6 = TRY(at.boolean(value));
  return {};
}

/// Is it the second of two words? Else it must be the first.
Result<bool> second_of(const Place& at, const Value& value, std::string_view first, std::string_view second) {
  const auto words = fmt::format("\"{}\" or \"{}\"", first, second);
  const auto& text = *TRY(at.string(value, words));
  if (text != first && text != second)
    return at.fail(value.line, fmt::format("'{}' is not known: write {}", text.substr(0, 80), words));
  return text == second;
}

Status read_host_access(const Place& at, const Value& value, Settings& to) {
  const bool all = TRY(second_of(at, value, "services", "all"));
  to.host_access = all ? model::HostAccess::all : model::HostAccess::services;
  return {};
}

Status read_publish(const Place& at, const Value& value, Settings& to) {
  const bool outside = TRY(second_of(at, value, "everywhere", "outside-only"));
  to.publish = outside ? model::Publish::outside_only : model::Publish::everywhere;
  return {};
}

Status read_host_services(const Place& at, const Value& value, Settings& to) {
  to.host_services.clear();
  for (const auto& item : *TRY(at.array(value, "[\"tcp:53\", \"udp:53\"]"))) {
    const auto& text = *TRY(at.string(item, "\"tcp:53\""));
    const auto service = TRY(at.parsed(item.line, ProtoPort::parse(text)));
    for (const auto& other : to.host_services)
      if (other == service)
        return at.fail(item.line, fmt::format("{} stands twice: leave one out", service.str()));
    to.host_services.push_back(service);
  }
  return {};
}

Status read_port_range(const Place& at, const Value& value, Settings& to) {
  const auto& text = *TRY(at.string(value, "\"40000-61000\""));
  to.port_range = TRY(at.parsed(value.line, PortRange::parse(text)));
  return {};
}

Status read_conntrack(const Place& at, const Value& value, Settings& to) {
  const auto cap = TRY(at.integer(value, 0, std::numeric_limits<std::uint32_t>::max()));
  to.conntrack_per_space = static_cast<std::uint32_t>(cap);
  return {};
}

Status read_confine(const Place& at, const Value& value, Settings& to) {
  to.confine = TRY(at.boolean(value));
  return {};
}

Status read_min_uid(const Place& at, const Value& value, Settings& to) {
  to.min_uid = static_cast<std::uint32_t>(TRY(at.integer(value, 1, kLastId)));
  return {};
}

constexpr std::array<Key<Settings>, 2> kSessionKeys{{{"confine", read_confine}, {"min_uid", read_min_uid}}};

Status read_sessions(const Place& at, const Value& value, Settings& to) {
  return read_table<Settings>(at, *TRY(at.table(value)), kSessionKeys, to);
}

Status read_hook_timeout(const Place& at, const Value& value, Settings& to) {
  to.hook_timeout = static_cast<std::uint32_t>(TRY(at.integer(value, 1, kLongestHook)));
  return {};
}

constexpr std::array<Key<Settings>, 1> kHookKeys{{{"timeout", read_hook_timeout}}};

Status read_hooks(const Place& at, const Value& value, Settings& to) {
  return read_table<Settings>(at, *TRY(at.table(value)), kHookKeys, to);
}

template <std::uint32_t model::IdSettings::*Key>
Status read_id(const Place& at, const Value& value, model::IdSettings& to) {
  to.*Key = static_cast<std::uint32_t>(TRY(at.integer(value, 1, kLastId)));
  return {};
}

constexpr std::array<Key<model::IdSettings>, 3> kIdKeys{{
    {"first", read_id<&model::IdSettings::first>},
    {"size", read_id<&model::IdSettings::size>},
    {"count", read_id<&model::IdSettings::count>},
}};

Status read_ids(const Place& at, const Value& value, Settings& to) {
  to.ids.count = 0;
  TRY(read_table<model::IdSettings>(at, *TRY(at.table(value)), kIdKeys, to.ids));
  if (to.ids.count == 0) to.ids.count = model::room_for_blocks(to.ids);
  if (const auto good = model::check(to.ids); !good) return at.fail(value.line, good.error().what);
  return {};
}

constexpr std::array<Key<Settings>, 12> kSettingsKeys{{
    {"pool", read_pool},
    {"ula", read_ula},
    {"uplink", read_uplink},
    {"ipv6", read_ipv6},
    {"host_access", read_host_access},
    {"host_services", read_host_services},
    {"publish", read_publish},
    {"port_range", read_port_range},
    {"conntrack_per_space", read_conntrack},
    {"sessions", read_sessions},
    {"hooks", read_hooks},
    {"ids", read_ids},
}};

}  // namespace

Result<Settings> parse_settings(std::string_view text, std::string_view file) {
  const auto document = TRY(parse_document(text, file));
  Settings settings;
  TRY(read_table<Settings>(Place(file, ""), document, kSettingsKeys, settings));
  return settings;
}

Result<Settings> load_settings(const std::string& path, bool must_exist) {
  const auto text = read_text(path);
  if (!text && text.error().sys == ENOENT && !must_exist) return Settings{};
  if (!text) return std::unexpected(text.error());
  return parse_settings(*text, path);
}

}  // namespace warren::config
