// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/service/inner_table.h"

#include <algorithm>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <thread>
#include <unistd.h>

#include "host/element_codec.h"
#include "netlink/conntrack.h"
#include "netlink/nft_dump.h"
#include "nft/inner.h"
#include "nft/runner.h"
#include "nft/table.h"
#include "sys/file.h"
#include "sys/netns.h"
#include "sys/sysctl.h"

namespace warren::service {
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

/// What the map holds; an error where there is none. The calling thread is in the space.
Result<std::vector<nft::InnerService>> standing(netlink::Socket& socket) {
  std::vector<nft::InnerService> seen;
  TRY(netlink::dump_set(
      socket, std::string(nft::kTable), nft::kInnerMap, [&] { seen.clear(); },
      [&](const netlink::RawElement& raw) {
        // The map has the shape of the one for forwards.
        if (const auto e = host::decode(raw, SetId::forwards, Family::v4))
          seen.push_back({e->proto, e->ports.first, e->to, e->to_port});
      }));
  std::ranges::sort(seen);
  return seen;
}

using Services = std::vector<nft::InnerService>;

/// A flow keeps the way it took at first. Those through what goes, and those past what comes, start anew.
Status forget_flows(netlink::Socket& socket, const Services& before, const Services& after) {
  std::vector<netlink::FlowMatch> matches;
  const auto tell = [&](const Services& all, const Services& other, netlink::FlowMatch::Kind kind) {
    for (const auto& one : all)
      if (!std::ranges::binary_search(other, one))
        matches.push_back({kind, one.to, one.proto, {one.port, one.port}, Ip::v4(INADDR_LOOPBACK)});
  };
  tell(before, after, netlink::FlowMatch::Kind::forward);
  tell(after, before, netlink::FlowMatch::Kind::local);
  if (!matches.empty()) TRY(netlink::delete_flows(socket, matches));
  return {};
}

/// There as soon as a table has been put into any space: where it is missing, nobody has to look.
std::string trace_path(const Place& place) { return place.in_run("services"); }

Status leave_trace(const Place& place) {
  if (::access(trace_path(place).c_str(), F_OK) == 0) return {};
  return sys::write_atomically(trace_path(place), "");
}

/// Runs on a thread that is then thrown away.
Status put(int netns, const Space& space, const Settings& settings) {
  TRY(sys::enter_netns(netns));
  const auto w = model::wiring(space, settings);
  auto services = inner_services(space, settings);
  std::ranges::sort(services);
  auto socket = TRY(netlink::Socket::open(NETLINK_NETFILTER));
  const auto before = standing(socket).value_or(Services());
  // Without it the kernel sends nothing that bears 127.0.0.1 over a wire, nor takes the answer.
  TRY(sys::write_sysctl(sys::Sysctl::of(Family::v4, sys::Conf::route_localnet, w.inner),
                        services.empty() ? 0 : 1));
  auto runner = TRY(nft::Runner::open());
  TRY(runner.run(nft::inner_text(w.inner, w.ip4, services)));
  return forget_flows(socket, before, services);
}

}  // namespace

Status put_inner_table(const Place& place, int netns, const Space& space, const Settings& settings) {
  TRY(leave_trace(place));
  Status status;
  std::jthread([&] { status = put(netns, space, settings); }).join();
  return TRY_WRAP("services", std::move(status)), Status();
}

bool inner_table_is_right(const Place& place, const Space& space, const Settings& settings) {
  if (!model::has_nat_services(settings) && ::access(trace_path(place).c_str(), F_OK) != 0) return true;
  auto wanted = inner_services(space, settings);
  std::ranges::sort(wanted);
  auto socket = netlink::Socket::open(NETLINK_NETFILTER);
  if (!socket) return false;
  const auto seen = standing(*socket);
  if (!seen && (seen.error().code != Code::not_found || !wanted.empty())) return false;
  const auto w = model::wiring(space, settings);
  const auto local = sys::read_sysctl(sys::Sysctl::of(Family::v4, sys::Conf::route_localnet, w.inner));
  if (seen && (*seen != wanted || !netlink::has_one_rule_in_each(*socket, std::string(nft::kTable), 2)))
    return false;
  return local && *local == (wanted.empty() ? 0 : 1);
}

}  // namespace warren::service
