// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/devices.h"

#include <array>
#include <fmt/format.h>
#include <span>

namespace warren::config {
namespace {

using model::Device;

/// A device while it is read, and where.
struct Draft {
  Device device;
  bool has_type = false;
  int line = 0;
};

Status read_type(const Place& at, const Value& value, Draft& to) {
  const auto& text = *TRY(at.string(value, "\"macvlan\""));
  to.device.kind = TRY(at.parsed(value.line, model::parse_kind(text)));
  to.has_type = true;
  return {};
}

Status read_name(const Place& at, const Value& value, Draft& to) {
  const auto& text = *TRY(at.string(value, "\"eth1\""));
  to.device.name = TRY(at.parsed(value.line, IfName::parse(text)));
  return {};
}

Status read_parent(const Place& at, const Value& value, Draft& to) {
  const auto& text = *TRY(at.string(value, "\"eth0\""));
  to.device.parent = TRY(at.parsed(value.line, IfName::parse(text)));
  return {};
}

Status read_vlan(const Place& at, const Value& value, Draft& to) {
  to.device.vlan = static_cast<std::uint16_t>(TRY(at.integer(value, 1, model::kLastVlan)));
  return {};
}

Status read_index(const Place& at, const Value& value, Draft& to) {
  to.device.index = static_cast<std::uint8_t>(TRY(at.integer(value, 1, model::kLastDevice)));
  return {};
}

Status read_mode(const Place& at, const Value& value, Draft& to) {
  const auto& text = *TRY(at.string(value, "\"bridge\""));
  to.device.mode = TRY(at.parsed(value.line, model::parse_mode(text)));
  return {};
}

Status read_mac(const Place& at, const Value& value, Draft& to) {
  const auto& text = *TRY(at.string(value, "\"02:00:00:00:00:01\""));
  if (text != "auto") to.device.mac = TRY(at.parsed(value.line, Mac::parse(text)));
  return {};
}

Status read_ip(const Place& at, const Value& value, Draft& to) {
  for (const auto& item : *TRY(at.array(value, "[\"192.0.2.5/24\"]"))) {
    const auto& text = *TRY(at.string(item, "\"192.0.2.5/24\""));
    to.device.addresses.push_back(TRY(at.parsed(item.line, IpPrefix::parse(text))));
  }
  return {};
}

Status read_gateway(const Place& at, const Value& value, Draft& to) {
  for (const auto& item : *TRY(at.array(value, "[\"192.0.2.1\"]"))) {
    const auto& text = *TRY(at.string(item, "\"192.0.2.1\""));
    to.device.gateways.push_back(TRY(at.parsed(item.line, Ip::parse(text))));
  }
  return {};
}

Status read_dhcp(const Place& at, const Value& value, Draft& to) {
  to.device.dhcp = TRY(at.boolean(value));
  return {};
}

Status read_shim(const Place& at, const Value& value, Draft& to) {
  to.device.shim = TRY(at.boolean(value));
  return {};
}

Status read_virtual(const Place& at, const Value& value, Draft& to) {
  to.device.is_virtual = TRY(at.boolean(value));
  return {};
}

constexpr std::array<Key<Draft>, 12> kKeys{{
    {"type", read_type},
    {"name", read_name},
    {"parent", read_parent},
    {"vlan", read_vlan},
    {"mode", read_mode},
    {"mac", read_mac},
    {"ip", read_ip},
    {"gateway", read_gateway},
    {"dhcp", read_dhcp},
    {"host_shim", read_shim},
    {"virtual", read_virtual},
    {"index", read_index},
}};

Result<Draft> read_draft(const Place& at, const Value& item) {
  Draft draft;
  draft.line = item.line;
  TRY(read_table<Draft>(at, *TRY(at.table(item)), kKeys, draft));
  if (!draft.has_type) return at.fail(item.line, "a device needs a type: write type = \"macvlan\"");
  return draft;
}

/// Those that the file leaves out, once it is known which it gives to others.
Status choose_indices(const Place& at, std::vector<Draft>& drafts) {
  std::vector<Device> known;
  for (const auto& draft : drafts) known.push_back(draft.device);
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    if (known[i].index != 0) continue;
    const auto free = model::free_index(known);
    if (!free)
      return at.fail(drafts[i].line, fmt::format("a space has at most {} devices: leave this one out",
                                                 unsigned{model::kLastDevice}));
    drafts[i].device.index = known[i].index = *free;
  }
  return {};
}

Status check_unique(const Place& at, std::span<const Draft> before, const Draft& draft) {
  for (const auto& other : before) {
    if (other.device.index == draft.device.index)
      return at.fail(draft.line,
                     fmt::format("index {} stands twice: choose another", unsigned{draft.device.index}));
    if (other.device.name == draft.device.name)
      return at.fail(draft.line,
                     fmt::format("the name {} stands twice: choose another", draft.device.name.str()));
  }
  return {};
}

}  // namespace

Result<std::vector<Device>> read_devices(const Place& at, const Value& value) {
  std::vector<Draft> drafts;
  for (const auto& item : *TRY(at.array(value, "[[space.NAME.device]]")))
    drafts.push_back(TRY(read_draft(at, item)));
  TRY(choose_indices(at, drafts));
  for (std::size_t i = 0; i < drafts.size(); ++i) {  // the index first: a name that is left out has it in it
    auto& draft = drafts[i];
    if (auto whole = model::complete(draft.device); !whole) return at.fail(draft.line, whole.error().what);
    TRY(check_unique(at, std::span(drafts).first(i), draft));
  }
  std::vector<Device> devices;
  for (auto& draft : drafts) devices.push_back(std::move(draft.device));
  return devices;
}

std::string write_device(const Device& device) {
  auto text = fmt::format("type = \"{}\"\nindex = {}\nname = \"{}\"\n", name(device.kind),
                          unsigned{device.index}, device.name.str());
  const auto line = [&](std::string_view key, std::string_view value) {
    text += fmt::format("{} = {}\n", key, value);
  };
  const auto quoted = [](std::string_view value) { return fmt::format("\"{}\"", value); };
  std::vector<std::string> addresses, gateways;
  for (const auto& address : device.addresses) addresses.push_back(quoted(address.str()));
  for (const auto& gateway : device.gateways) gateways.push_back(quoted(gateway.str()));
  if (device.parent) line("parent", quoted(device.parent->str()));
  if (device.vlan != 0) line("vlan", std::to_string(device.vlan));
  if (device.mode != model::DeviceMode::none) line("mode", quoted(name(device.mode)));
  if (device.mac) line("mac", quoted(device.mac->str()));
  if (!addresses.empty()) line("ip", fmt::format("[{}]", fmt::join(addresses, ", ")));
  if (!gateways.empty()) line("gateway", fmt::format("[{}]", fmt::join(gateways, ", ")));
  if (device.dhcp) line("dhcp", "true");
  if (device.shim) line("host_shim", "true");
  if (device.is_virtual) line("virtual", "true");
  return text;
}

}  // namespace warren::config
