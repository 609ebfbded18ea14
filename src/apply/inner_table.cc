// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/inner_table.h"

#include <algorithm>
#include <linux/netlink.h>
#include <thread>

#include "apply/element_codec.h"
#include "netlink/nft_dump.h"
#include "nft/inner.h"
#include "nft/runner.h"
#include "nft/table.h"
#include "sys/netns.h"
#include "sys/sysctl.h"

namespace warren::apply {
namespace {

using model::Settings;
using model::Space;

std::vector<nft::InnerService> inner_services(const Space& space, const Settings& settings) {
  std::vector<nft::InnerService> all;
  for (const auto* service : model::nat_services(space, settings))
    all.push_back(
        {service->proto, service->port, service->target.ip().value_or(Ip()), service->target.port()});
  return all;
}

/// Runs on a thread that is then thrown away.
Status put(int netns, const Space& space, const Settings& settings) {
  TRY(sys::enter_netns(netns));
  const auto w = model::wiring(space, settings);
  const auto services = inner_services(space, settings);
  // Without it the kernel sends nothing that bears 127.0.0.1 over a wire, nor takes the answer.
  TRY(sys::write_sysctl(sys::Sysctl::of(Family::v4, sys::Conf::route_localnet, w.inner),
                        services.empty() ? 0 : 1));
  auto runner = TRY(nft::Runner::open());
  return runner.run(nft::inner_text(w.inner, w.ip4, services));
}

using Key = std::tuple<Proto, Port, Ip, Port>;

}  // namespace

Status put_inner_table(int netns, const Space& space, const Settings& settings) {
  Status status;
  std::jthread([&] { status = put(netns, space, settings); }).join();
  return TRY_WRAP("services", std::move(status)), Status();
}

bool inner_table_is_right(const Space& space, const Settings& settings) {
  std::vector<Key> wanted, seen;
  for (const auto& service : inner_services(space, settings))
    wanted.emplace_back(service.proto, service.port, service.to, service.to_port);
  auto socket = netlink::Socket::open(NETLINK_NETFILTER);
  if (!socket) return false;
  const auto status = netlink::dump_set(
      *socket, std::string(nft::kTable), nft::kInnerMap, [&] { seen.clear(); },
      [&](const netlink::RawElement& raw) {
        // The map has the shape of the one for forwards.
        if (const auto e = decode(raw, SetId::forwards, Family::v4))
          seen.emplace_back(e->proto, e->ports.first, e->to, e->to_port);
      });
  if (!status) return status.error().code == Code::not_found && wanted.empty();
  std::ranges::sort(wanted);
  std::ranges::sort(seen);
  const auto w = model::wiring(space, settings);
  const auto local = sys::read_sysctl(sys::Sysctl::of(Family::v4, sys::Conf::route_localnet, w.inner));
  return wanted == seen && local && *local == (wanted.empty() ? 0 : 1);
}

}  // namespace warren::apply
