// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "doctor/evaluate.h"
#include "netlink/nft_dump.h"
#include "netlink/socket.h"
#include "nft/runner.h"

namespace warren::doctor {

/// The rules of everybody else on this host, as they stand. Base chains are listed first; of a table only
/// those are read whose chains a packet meets, each once, and the whole ruleset never.
class Firewall {
 public:
  /// `nf`: NETLINK_NETFILTER. Both must outlive it.
  [[nodiscard]] static Result<Firewall> look(netlink::Socket& nf, nft::Runner& runner);
  /// What the filters at this hook do to the packet: one entry a base chain that does not surely let it pass.
  [[nodiscard]] std::vector<Drop> drops(Hook hook, const Packet& packet);
  /// Is there such a table (NFPROTO_*)?
  [[nodiscard]] bool has_table(std::uint8_t family, std::string_view table) const;

 private:
  Firewall(netlink::Socket& nf, nft::Runner& runner, std::vector<netlink::BaseChain> chains)
      : nf_(&nf), runner_(&runner), chains_(std::move(chains)) {}
  [[nodiscard]] const Ruleset& table(const netlink::BaseChain& chain);

  netlink::Socket* nf_;
  nft::Runner* runner_;
  std::vector<netlink::BaseChain> chains_;
  std::map<std::pair<std::uint8_t, std::string>, Ruleset> tables_;
};

/// The same for a single question.
[[nodiscard]] Result<std::vector<Drop>> foreign_drops(netlink::Socket& nf, nft::Runner& runner, Hook hook,
                                                      const Packet& packet);

/// "ip", "ip6", "inet"; empty for any other.
[[nodiscard]] std::string_view family_name(std::uint8_t family);

}  // namespace warren::doctor
