// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <thread>

#include "doctor/checks.h"
#include "netlink/link.h"
#include "sys/netns.h"

namespace warren::doctor {
namespace {

using netlink::UpperSpec;

struct Kind {
  const char* name;
  UpperSpec::Kind kind;
  std::uint32_t mode;
  const char* module;
};
constexpr std::array kKinds{Kind{"macvlan", UpperSpec::Kind::macvlan, MACVLAN_MODE_BRIDGE, "macvlan"},
                            Kind{"ipvlan", UpperSpec::Kind::ipvlan, IPVLAN_MODE_L2, "ipvlan"},
                            Kind{"vlan", UpperSpec::Kind::vlan, 0, "8021q"}};

/// Something for the others to sit on.
Result<int> make_parent(netlink::Socket& socket) {
  const auto here = TRY(sys::current_netns());
  netlink::VethSpec spec;
  spec.outer = TRY(IfName::parse("probe_p")), spec.inner = TRY(IfName::parse("probe_q"));
  spec.outer_mac.bytes = {2, 0, 0, 0, 0, 1}, spec.inner_mac.bytes = {2, 0, 0, 0, 0, 2};
  spec.inner_ns = here.get();
  netlink::Batch batch;
  netlink::create_veth(batch, spec);
  TRY(socket.run(batch));
  return netlink::link_index(socket, spec.outer);
}

Status try_kinds(std::vector<const Kind*>& missing) {
  TRY(sys::unshare_netns());
  auto socket = TRY(netlink::Socket::open(NETLINK_ROUTE));
  const int parent = TRY(make_parent(socket));
  for (const auto& kind : kKinds) {
    UpperSpec spec{kind.kind, TRY(IfName::parse("probe_u")), parent, -1, {}, kind.mode, 100, 0};
    netlink::Batch batch;
    netlink::create_upper(batch, spec);
    if (!socket.run(batch)) missing.push_back(&kind);
    batch.clear();
    netlink::delete_link(batch, spec.name);
    (void)socket.run(batch);  // it may not be there
  }
  return {};
}

}  // namespace

std::vector<Finding> check_devices() {
  std::vector<const Kind*> missing;
  Status tried;
  std::jthread([&] { tried = try_kinds(missing); }).join();
  if (!tried) return {};  // check_kernel() says why
  std::vector<Finding> findings;
  for (const auto* kind : missing)
    findings.push_back({Finding::Level::advice,
                        "devices",
                        fmt::format("kernel lacks {0}: `warren dev add --type {0}` is refused", kind->name),
                        {fmt::format("modprobe {}", kind->module)}});
  if (missing.empty())
    findings.push_back({Finding::Level::ok, "devices", "kernel has macvlan, ipvlan and vlan", {}});
  return findings;
}

}  // namespace warren::doctor
