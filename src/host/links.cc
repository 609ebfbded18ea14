// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/links.h"

#include <algorithm>
#include <string_view>

#include "model/derive.h"

namespace warren::host {

Status delete_link_if_there(netlink::Socket& socket, const IfName& name) {
  if (!netlink::link_index(socket, name)) return {};
  netlink::Batch batch;
  netlink::delete_link(batch, name);
  auto done = socket.run(batch);
  return !done && done.error().code == Code::not_found ? Status() : done;
}

void raise_link(netlink::Batch& batch, const IfName& name) {
  netlink::LinkChange change;
  change.up = true;
  netlink::change_link(batch, name, change);
}

namespace {

/// As warren gives them to host ends, by which one is known that somebody renamed.
bool is_host_end_mac(const Mac& mac) {
  return mac.bytes[0] == 0x02 && mac.bytes[1] == 0 && mac.bytes[2] == 0 && (mac.bytes[5] & 0x80) != 0;
}

}  // namespace

bool is_own(const netlink::Link& link) {
  const auto group = link.group;
  if (group != model::kLinkGroup && group != model::kLeavingGroup && group != model::kDeviceGroup)
    return false;
  const std::string_view name = link.name;
  if (link.kind == "veth")
    return (name.starts_with("veth_") && name.find("_o") != name.npos) || is_host_end_mac(link.mac);
  if (link.kind == "macvlan") return name.starts_with("shim_");
  return link.kind == "vlan" && name.find('.') != name.npos;
}

namespace {

/// Those of the names that are links of ours: what others made under such a name is theirs. What is gone is
/// gone.
Result<std::vector<netlink::Link>> own_links(netlink::Socket& host, const std::vector<IfName>& names) {
  netlink::Batch batch;
  for (const auto& name : names) netlink::query_link(batch, name);
  std::vector<netlink::Link> own;
  for (auto& refused : TRY(host.run_all(batch, [&](const netlink::MessageView& message) {
         if (auto link = netlink::parse_link(message); link && is_own(*link)) own.push_back(std::move(*link));
       })))
    if (refused.error.code != Code::not_found) return std::unexpected(std::move(refused.error));
  return own;
}

/// Moved to a group of their own first, they go in one request and the kernel waits only once.
void delete_together(netlink::Batch& batch, const std::vector<netlink::Link>& links) {
  netlink::LinkChange leave;
  leave.group = model::kLeavingGroup;
  for (const auto& link : links) netlink::change_link(batch, link.index, leave);
  netlink::delete_group(batch, model::kLeavingGroup);
}

}  // namespace

Status delete_links(Kernel& kernel, const std::vector<IfName>& names) {
  if (names.empty()) return {};
  auto& host = *TRY(kernel.route());
  const auto links = TRY(own_links(host, names));
  // Another's in that group, as one that came home from a tenant's hands may be, is not to go with them.
  const auto foreign = [](const netlink::Link& link) {
    return link.group == model::kLeavingGroup && !is_own(link);
  };
  netlink::Batch batch;
  if (links.size() < 2 || std::ranges::any_of(TRY(netlink::dump_links(host)), foreign))
    for (const auto& link : links) netlink::delete_link(batch, link.index);
  else
    delete_together(batch, links);
  for (const auto& failure : TRY(host.run_all(batch)))
    if (failure.error.code != Code::not_found) return std::unexpected(failure.error);
  return {};
}

}  // namespace warren::host
