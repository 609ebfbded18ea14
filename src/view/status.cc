// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/status.h"

#include <map>
#include <unordered_map>

#include "host/table.h"
#include "netlink/link.h"
#include "sys/netns.h"

namespace warren::view {
namespace {

using Counts = std::map<Element, std::uint64_t>;
using RefusedBy = std::unordered_map<std::string, std::uint64_t>;

Result<Counts> read_counts(host::Kernel& kernel) {
  Counts counts;
  for (const auto set : {SetId::forwards, SetId::forwards_at, SetId::ranges, SetId::ranges_at})
    for (const auto family : {Family::v4, Family::v6})
      for (const auto& counted : TRY(host::read_counted(kernel, set, family)))
        counts.emplace(counted.element, counted.packets);
  return counts;
}

Result<RefusedBy> read_refused_by(host::Kernel& kernel, const std::string& set) {
  RefusedBy by;
  for (auto& refused : TRY(host::read_refused(kernel, set)))
    by.emplace(std::move(refused.interface), refused.packets);
  return by;
}

std::uint64_t count_of(const RefusedBy& by, const model::Wiring& wiring) {
  const auto found = by.find(wiring.outer.str());
  return found == by.end() ? 0 : found->second;
}

struct Tables {
  Counts counts;
  RefusedBy spoofed, denied_host, unpublished, over_limit;
};

Result<Tables> read_tables(host::Kernel& kernel) {
  return Tables{TRY(read_counts(kernel)), TRY(read_refused_by(kernel, "spoofed")),
                TRY(read_refused_by(kernel, "denied_host")), TRY(read_refused_by(kernel, "unpublished")),
                TRY(read_refused_by(kernel, "over_limit"))};
}

void take_link(SpaceStatus& status, const netlink::Link& link) {
  // What the host end sends is what the space receives.
  status.link_up = link.up;
  status.received_bytes = link.tx_bytes, status.received_packets = link.tx_packets;
  status.sent_bytes = link.rx_bytes, status.sent_packets = link.rx_packets;
}

void take_counts(SpaceStatus& status, const Tables& tables) {
  for (const auto& forward : status.space.forwards) {
    ForwardStatus one{forward, 0};
    for (const auto& element : model::elements(forward, status.wiring))
      if (const auto found = tables.counts.find(element); found != tables.counts.end())
        one.connections += found->second;
    status.forwards.push_back(one);
  }
  status.refused = {count_of(tables.spoofed, status.wiring), count_of(tables.denied_host, status.wiring),
                    count_of(tables.unpublished, status.wiring), count_of(tables.over_limit, status.wiring)};
}

}  // namespace

std::string_view SpaceStatus::state() const {
  if (space.state != model::State::up) return model::name(space.state);
  return pinned && (link_up || !space.uplink) ? "up" : "broken";
}

Result<std::vector<SpaceStatus>> read_status(host::Kernel& kernel, const model::Settings& settings,
                                             std::vector<model::Space> spaces) {
  std::unordered_map<std::string, netlink::Link> links;
  for (auto& link : TRY(netlink::dump_links(*TRY(kernel.route()), true))) {
    auto name = link.name;
    links.emplace(std::move(name), std::move(link));
  }
  const auto tables = TRY(read_tables(kernel));
  std::vector<SpaceStatus> all;
  for (auto& space : spaces) {
    SpaceStatus status;
    status.wiring = model::wiring(space, settings);
    status.space = std::move(space);
    status.pinned = sys::open_netns(sys::pin_path(status.space.name)).has_value();
    if (const auto link = links.find(status.wiring.outer.str()); link != links.end())
      take_link(status, link->second);
    take_counts(status, tables);
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace warren::view
