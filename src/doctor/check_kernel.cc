// SPDX-License-Identifier: GPL-2.0-or-later
#include <array>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <thread>
#include <unistd.h>

#include "doctor/checks.h"
#include "model/derive.h"
#include "netlink/link.h"
#include "nft/runner.h"
#include "sys/netns.h"

namespace warren::doctor {
namespace {

struct NftFeature {
  const char* name;
  const char* text;
};

// Each stands on those before it: what the table `inet warren` is made of.
constexpr std::array kNftFeatures{
    NftFeature{"nftables tables of family inet",
               "table inet t { chain f { type filter hook forward priority 0; }; chain i { type filter hook "
               "prerouting "
               "priority -300; }; }"},
    NftFeature{"nftables matches on link groups (meta iifgroup)",
               "add rule inet t f iifgroup 1 oifgroup 1 drop"},
    NftFeature{"connection tracking (nft ct)", "add rule inet t f ct state established,related accept"},
    NftFeature{"NAT (nft nat chains)",
               "add chain inet t p { type nat hook prerouting priority -100; }\n"
               "add chain inet t o { type nat hook output priority -100; }\n"
               "add chain inet t s { type nat hook postrouting priority 100; }"},
    NftFeature{"masquerading (nft masquerade)", "add rule inet t s masquerade"},
    NftFeature{"concatenated maps of nftables",
               "add map inet t m { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
               "add rule inet t p dnat ip to meta l4proto . th dport map @m"},
    NftFeature{"concatenated interval maps of nftables",
               "add map inet t r { type inet_proto . inet_service : ipv4_addr; flags interval; }\n"
               "add element inet t r { tcp . 8000-8099 : 192.0.2.1 }"},
    NftFeature{"connection limits (nft ct count)",
               "add set inet t c { type ipv4_addr; size 16; flags dynamic; }\n"
               "add rule inet t f add @c { ip saddr ct count over 5 } drop"},
    NftFeature{"route lookups in rules (nft fib)", "add rule inet t p fib daddr type local accept"},
    NftFeature{"counters in sets (nft set element counters)",
               "add set inet t d { type ifname; size 16; flags dynamic,timeout; timeout 1d; }\n"
               "add rule inet t i update @d { iifname counter } accept"},
    NftFeature{"TCP MSS clamping (nft rt mtu)",
               "add rule inet t f tcp flags syn tcp option maxseg size set rt mtu"},
};

Finding lacks(std::string_view what) {
  return {Finding::Level::problem, "kernel", fmt::format("kernel lacks {}", what), {}};
}

void try_links(std::vector<Finding>& findings) {
  auto here = sys::current_netns();
  auto socket = netlink::Socket::open(NETLINK_ROUTE);
  const auto outer = IfName::parse("probe_o"), inner = IfName::parse("probe");
  if (!here || !socket || !outer || !inner) return;
  netlink::VethSpec spec;
  spec.outer = *outer, spec.inner = *inner;
  spec.outer_mac.bytes = {2, 0, 0, 0, 0, 0x80}, spec.inner_mac.bytes = {2, 0, 0, 0, 0, 0};
  spec.group = model::kLinkGroup;
  spec.inner_ns = here->get();
  netlink::Batch batch;
  netlink::create_veth(batch, spec);
  netlink::query_link(batch, spec.outer);
  std::uint32_t group = 0;
  const auto made = socket->run(batch, [&](const netlink::MessageView& message) {
    if (const auto link = netlink::parse_link(message)) group = link->group;
  });
  if (!made)
    findings.push_back(lacks(fmt::format("veth ({})", made.error().what)));
  else if (group != spec.group)
    findings.push_back(lacks("link groups"));
}

void try_nft(std::vector<Finding>& findings) {
  auto runner = nft::Runner::open();
  if (!runner) return findings.push_back(lacks(fmt::format("nftables ({})", runner.error().what)));
  for (const auto& feature : kNftFeatures)
    if (const auto done = runner->run(feature.text); !done) {
      findings.push_back(lacks(fmt::format("{} ({})", feature.name, done.error().what)));
      if (&feature == kNftFeatures.data()) return;  // nothing stands without the table
    }
}

/// On a thread of its own, whose namespace ends with it.
void try_all(std::vector<Finding>& findings, bool& entered) {
  entered = sys::unshare_netns().has_value();
  if (!entered) return;
  try_links(findings);
  try_nft(findings);
}

}  // namespace

std::vector<Finding> check_kernel(const Context& context) {
  std::vector<Finding> findings;
  bool entered = false;
  std::jthread([&] { try_all(findings, entered); }).join();
  if (!entered)
    return {{Finding::Level::problem,
             "kernel",
             "cannot make a network namespace: kernel lacks network namespaces, or this is not root",
             {}}};
  if (context.settings.ipv6 && ::access("/proc/sys/net/ipv6", F_OK) != 0)
    findings.push_back(
        {Finding::Level::problem,
         "kernel",
         "kernel lacks IPv6 (or it is off): set ipv6 = false in warren.toml, or boot without ipv6.disable=1",
         {}});
  if (findings.empty())
    findings.push_back({Finding::Level::ok,
                        "kernel",
                        fmt::format("has all that is needed ({} features tried)", kNftFeatures.size() + 2),
                        {}});
  return findings;
}

}  // namespace warren::doctor
