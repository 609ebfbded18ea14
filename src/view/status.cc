// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/status.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <unordered_map>

#include "host/table.h"
#include "netlink/link.h"
#include "sys/netns.h"

namespace warren::view {
namespace {

using Counts = std::map<Element, std::uint64_t>;
using RefusedBy = std::unordered_map<std::string, std::uint64_t>;

constexpr std::size_t kFew = 16;  // for more than so many a dump, which asks once, may cost less
constexpr std::array<const char*, 4> kRefusals{"spoofed", "denied_host", "unpublished", "over_limit"};

/// What the kernel says of spaces: of all of them, or at least of those that were asked for.
struct Seen {
  std::unordered_map<std::string, netlink::Link> links;  ///< of the host, by name
  Counts counts;
  std::array<RefusedBy, kRefusals.size()> refused;  ///< as kRefusals names them
};

Result<Counts> read_counts(host::Kernel& kernel) {
  Counts counts;
  for (const auto set : {SetId::forwards, SetId::forwards_at, SetId::ranges, SetId::ranges_at})
    for (const auto family : {Family::v4, Family::v6})
      for (const auto& counted : TRY(host::read_counted(kernel, set, family)))
        counts.emplace(counted.element, counted.packets);
  return counts;
}

RefusedBy by_interface(std::vector<host::Refused> all) {
  RefusedBy by;
  for (auto& refused : all) by.emplace(std::move(refused.interface), refused.packets);
  return by;
}

std::uint64_t count_of(const RefusedBy& by, const model::Wiring& wiring) {
  const auto found = by.find(wiring.outer.str());
  return found == by.end() ? 0 : found->second;
}

void add_link(Seen& seen, netlink::Link link) {
  auto name = link.name;
  seen.links.emplace(std::move(name), std::move(link));
}

/// All that there is, in as few answers as can be.
Result<Seen> look_at_all(host::Kernel& kernel) {
  Seen seen;
  for (auto& link : TRY(netlink::dump_links(*TRY(kernel.route()), true))) add_link(seen, std::move(link));
  seen.counts = TRY(read_counts(kernel));
  for (std::size_t i = 0; i < kRefusals.size(); ++i)
    seen.refused[i] = by_interface(TRY(host::read_refused(kernel, kRefusals[i])));
  return seen;
}

Status find_links(host::Kernel& kernel, const std::vector<IfName>& names, Seen& seen) {
  netlink::Batch batch;
  for (const auto& name : names) netlink::query_link(batch, name, true);
  const auto take = [&](const netlink::MessageView& message) {
    if (auto link = netlink::parse_link(message)) add_link(seen, std::move(*link));
  };
  for (auto& refused : TRY(TRY(kernel.route())->run_all(batch, take)))
    if (refused.error.code != Code::not_found) return std::unexpected(std::move(refused.error));
  return {};
}

/// What these spaces have, and nothing else is read.
Result<Seen> look_at_few(host::Kernel& kernel, const model::Settings& settings,
                         const std::vector<model::Space>& spaces) {
  std::vector<IfName> outers;
  std::vector<Element> elements;
  for (const auto& space : spaces) {
    const auto wiring = model::wiring(space, settings);
    outers.push_back(wiring.outer);
    for (const auto& forward : space.forwards)
      std::ranges::move(model::elements(forward, wiring), std::back_inserter(elements));
  }
  Seen seen;
  TRY(find_links(kernel, outers, seen));
  for (auto& counted : TRY(host::find_counted(kernel, elements)))
    seen.counts.emplace(std::move(counted.element), counted.packets);
  for (std::size_t i = 0; i < kRefusals.size(); ++i)
    seen.refused[i] = by_interface(TRY(host::find_refused(kernel, kRefusals[i], outers)));
  return seen;
}

void take_link(SpaceStatus& status, const netlink::Link& link) {
  // What the host end sends is what the space receives.
  status.link_up = link.up;
  status.received_bytes = link.tx_bytes, status.received_packets = link.tx_packets;
  status.sent_bytes = link.rx_bytes, status.sent_packets = link.rx_packets;
}

void take_counts(SpaceStatus& status, const Seen& seen) {
  for (const auto& forward : status.space.forwards) {
    ForwardStatus one{forward, 0};
    for (const auto& element : model::elements(forward, status.wiring))
      if (const auto found = seen.counts.find(element); found != seen.counts.end())
        one.connections += found->second;
    status.forwards.push_back(one);
  }
  const auto& [spoofed, denied_host, unpublished, over_limit] = seen.refused;
  status.refused = {count_of(spoofed, status.wiring), count_of(denied_host, status.wiring),
                    count_of(unpublished, status.wiring), count_of(over_limit, status.wiring)};
}

}  // namespace

std::string_view SpaceStatus::state() const {
  if (space.state != model::State::up) return model::name(space.state);
  return pinned && (link_up || !space.uplink) ? "up" : "broken";
}

Result<std::vector<SpaceStatus>> read_status(host::Kernel& kernel, const model::Settings& settings,
                                             std::vector<model::Space> spaces) {
  const auto seen =
      spaces.size() <= kFew ? TRY(look_at_few(kernel, settings, spaces)) : TRY(look_at_all(kernel));
  std::vector<SpaceStatus> all;
  for (auto& space : spaces) {
    SpaceStatus status;
    status.wiring = model::wiring(space, settings);
    status.space = std::move(space);
    status.pinned = sys::open_netns(kernel.place().pin(status.space.name.str())).has_value();
    if (const auto link = seen.links.find(status.wiring.outer.str()); link != seen.links.end())
      take_link(status, link->second);
    take_counts(status, seen);
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace warren::view
