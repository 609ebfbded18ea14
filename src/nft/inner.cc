// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/inner.h"

#include <fmt/format.h>

#include "nft/table.h"

namespace warren::nft {

std::string inner_text(const IfName& link, const Ip& address, const std::vector<InnerService>& services) {
  if (services.empty()) return remove_text();
  std::string elements;
  for (const auto& service : services)
    elements += fmt::format("{} . {} : {} . {}, ", name(service.proto), service.port, service.to.str(),
                            service.to_port);
  // The answer comes back to the space's own address, and from there to whoever asked on the loopback.
  return fmt::format(
      "{}table inet {} {{\n"
      "  map {} {{ type inet_proto . inet_service : ipv4_addr . inet_service; elements = {{ {} }} }}\n"
      "  chain output {{\n"
      "    type nat hook output priority -100; policy accept;\n"
      "    ip daddr 127.0.0.1 dnat ip to meta l4proto . th dport map @{}\n"
      "  }}\n"
      "  chain postrouting {{\n"
      "    type nat hook postrouting priority srcnat; policy accept;\n"
      "    oifname \"{}\" ip saddr 127.0.0.0/8 snat ip to {}\n"
      "  }}\n"
      "}}\n",
      remove_text(), kTable, kInnerMap, elements, kInnerMap, link.str(), address.str());
}

}  // namespace warren::nft
