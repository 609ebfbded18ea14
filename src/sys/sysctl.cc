// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/sysctl.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "sys/file.h"

namespace warren::sys {
namespace {

struct Named {
  Conf conf;
  std::string_view name;
};
constexpr std::array kNames{
    Named{Conf::forwarding, "forwarding"}, Named{Conf::force_forwarding, "force_forwarding"},
    Named{Conf::accept_ra, "accept_ra"},   Named{Conf::disable_ipv6, "disable_ipv6"},
    Named{Conf::rp_filter, "rp_filter"},   Named{Conf::route_localnet, "route_localnet"},
};

std::string_view name(Conf conf) { return std::ranges::find(kNames, conf, &Named::conf)->name; }

std::string join(const Sysctl& sysctl, char between, const std::string& interface) {
  std::string text = sysctl.family == Family::v4 ? "net/ipv4/conf/" : "net/ipv6/conf/";
  std::ranges::replace(text, '/', between);
  return text + interface + between + std::string(name(sysctl.conf));
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string Sysctl::path() const { return "/proc/sys/" + join(*this, '/', interface); }

std::string Sysctl::key() const {
  auto shown = interface;
  std::ranges::replace(shown, '.', '/');
  return join(*this, '.', shown);
}

std::optional<Sysctl> Sysctl::parse(std::string_view key) {
  for (const auto family : {Family::v4, Family::v6})
    for (const auto& known : kNames) {
      const std::string_view prefix = family == Family::v4 ? "net.ipv4.conf." : "net.ipv6.conf.";
      const auto suffix = "." + std::string(known.name);
      if (!key.starts_with(prefix) || !key.ends_with(suffix) || key.size() <= prefix.size() + suffix.size())
        continue;
      std::string interface(key.substr(prefix.size(), key.size() - prefix.size() - suffix.size()));
      std::ranges::replace(interface, '/', '.');
      if (interface == "all" || IfName::parse(interface)) return Sysctl{family, known.conf, interface};
    }
  return std::nullopt;
}

Result<std::optional<int>> read_sysctl(const Sysctl& sysctl) { return read_number(sysctl.path().substr(10)); }

Status write_sysctl(const Sysctl& sysctl, int value) {
  return write_existing(sysctl.path(), std::to_string(value));
}

Result<std::optional<int>> read_number(const std::string& path) {
  const auto text = read_file("/proc/sys/" + path);
  if (!text && text.error().code == Code::not_found) return std::nullopt;
  if (!text) return std::unexpected(text.error());
  return number(*text);
}

}  // namespace warren::sys
