// SPDX-License-Identifier: GPL-2.0-or-later
#include "config/collisions.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace warren::config {
namespace {

/// Of the claims seen so far, those that reach furthest. When claims come sorted by their first port, one
/// that does not meet the furthest of its kind meets none.
class Furthest {
 public:
  [[nodiscard]] const Claim* meets(const Claim& claim) const {
    if (!claim.forward.host) return reached(all_, claim);
    if (const auto* any = reached(any_host_, claim)) return any;
    const auto same = by_host_.find(*claim.forward.host);
    return same == by_host_.end() ? nullptr : reached(same->second, claim);
  }

  void add(const Claim& claim) {
    keep(all_, claim);
    keep(claim.forward.host ? by_host_[*claim.forward.host] : any_host_, claim);
  }

 private:
  static const Claim* reached(const Claim* furthest, const Claim& claim) {
    return furthest && furthest->forward.ports.last >= claim.forward.ports.first ? furthest : nullptr;
  }
  static void keep(const Claim*& furthest, const Claim& claim) {
    if (!furthest || furthest->forward.ports.last < claim.forward.ports.last) furthest = &claim;
  }

  const Claim* all_ = nullptr;
  const Claim* any_host_ = nullptr;
  std::map<Ip, const Claim*> by_host_;
};

}  // namespace

std::optional<std::pair<Claim, Claim>> find_collision(std::vector<Claim>& claims) {
  std::ranges::sort(claims, {}, [](const Claim& claim) {
    return std::tuple(claim.forward.proto, claim.forward.ports.first, claim.forward.ports.last, claim.line);
  });
  Furthest seen;
  auto proto = Proto::tcp;
  for (const auto& claim : claims) {
    if (claim.forward.proto != proto) {
      seen = {};
      proto = claim.forward.proto;
    }
    if (const auto* other = seen.meets(claim))
      return other->line > claim.line ? std::pair(claim, *other) : std::pair(*other, claim);
    seen.add(claim);
  }
  return std::nullopt;
}

}  // namespace warren::config
