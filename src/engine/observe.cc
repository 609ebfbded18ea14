// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/observe.h"

#include <algorithm>
#include <atomic>
#include <linux/netlink.h>
#include <thread>

#include "engine/kinds.h"
#include "host/host_view.h"
#include "host/table.h"
#include "model/derive.h"
#include "sys/netns.h"

namespace warren::engine {
namespace {

using host::HostView;
using model::Facts;
using model::Space;

constexpr std::size_t kMostThreads = 4;

/// Looks at spaces, each from inside, by several threads, which take one space after the other.
class Look {
 public:
  Look(const HostView& view, const model::Desired& desired, const host::HostFacts& facts,
       const std::vector<SpaceName>& only)
      : view_(view), desired_(desired), facts_(facts), only_(only) {}

  Facts all() {
    const auto busy = only_.empty() ? desired_.spaces.size() : only_.size();
    const auto count =
        std::min(std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads), busy);
    std::vector<Facts> found(count);
    std::vector<std::jthread> workers;
    for (auto& facts : found) workers.emplace_back([&] { work(facts); });
    workers.clear();
    Facts all;
    for (auto& facts : found) all.insert(all.end(), facts.begin(), facts.end());
    std::ranges::stable_sort(all, {}, &model::Fact::space);
    return all;
  }

 private:
  [[nodiscard]] bool is_asked_for(const Space& space) const {
    return only_.empty() || std::ranges::find(only_, space.name) != only_.end();
  }
  void work(Facts& facts) {
    for (auto i = next_++; i < desired_.spaces.size(); i = next_++)
      if (is_asked_for(desired_.spaces[i])) look(static_cast<std::uint32_t>(i), facts);
  }
  /// Leaves the thread in the space. What cannot be read is not right, and is put right.
  void look(std::uint32_t i, Facts& facts) const {
    const auto& space = desired_.spaces[i];
    auto inside = space.state == model::State::up ? enter(space.name) : fail(Code::not_found, "");
    const kinds::Sight sight{view_, facts_, desired_.settings, inside ? &*inside : nullptr};
    for (std::uint8_t kind = 0; kind < kKinds.size(); ++kind)
      kKinds[kind]->see(sight, space, kinds::ItemFacts(facts, i, kind));
  }
  [[nodiscard]] Result<netlink::Socket> enter(const SpaceName& name) const {
    const auto netns = TRY(sys::open_netns(view_.place.pin(name.str())));
    TRY(sys::enter_netns(netns.get()));
    return netlink::Socket::open(NETLINK_ROUTE);
  }

  const HostView& view_;
  const model::Desired& desired_;
  const host::HostFacts& facts_;
  const std::vector<SpaceName>& only_;
  std::atomic<std::size_t> next_ = 0;
};

bool host_part_stands(const HostView& view, const model::Settings& settings, model::HostPart part) {
  const auto on_lo = [&](const std::optional<Ip>& ip) {
    return std::ranges::any_of(view.addresses, [&](const auto& a) { return a.index == 1 && a.ip == ip; });
  };
  const auto routed = [&](const std::optional<Cidr>& pool) {
    return pool && std::ranges::any_of(view.routes, [&](const auto& route) {
             return route.to == *pool && route.unreachable;
           });
  };
  switch (part) {
    case model::HostPart::gateway4:
      return on_lo(model::gateway4(settings));
    case model::HostPart::gateway6:
      return on_lo(model::gateway6(settings));
    case model::HostPart::pool_route4:
      return routed(settings.pool);
    case model::HostPart::pool_route6:
      return routed(settings.ula);
  }
  return false;
}

std::vector<std::string> stray_links(const HostView& view, const model::Desired& desired) {
  std::vector<std::string> names;
  for (const auto& space : desired.spaces)
    for (const auto* kind : kKinds) kind->host_links({space, desired.settings}, names);
  std::ranges::sort(names);
  std::vector<std::string> strays;
  for (const auto& link : view.links)
    if (link.own && !std::ranges::binary_search(names, link.name)) strays.push_back(link.name);
  return strays;
}

}  // namespace

Result<model::Observed> observe(host::Kernel& kernel, const model::Desired& desired,
                                const host::HostFacts& facts, const host::Originals& originals,
                                const std::vector<SpaceName>& only) {
  auto& route = *TRY(kernel.route());
  const auto view = TRY(host::read_view(kernel, desired.settings.ipv6));
  model::Observed seen;
  seen.facts = Look(view, desired, facts, only).all();
  seen.stray_links = stray_links(view, desired);
  for (const auto part : host::all_host_parts(desired.settings))
    if (!host_part_stands(view, desired.settings, part)) seen.host_missing.push_back(part);
  seen.sysctls = TRY(host::pending_sysctls(route, facts, desired.settings, originals));
  const auto state =
      TRY(host::look_at_table(kernel, host::make_rules(facts, desired.settings, originals, seen.sysctls)));
  seen.table = state.stands;
  seen.rules_right = state.rules_right;
  if (state.stands) seen.elements = TRY(host::read_elements(kernel));
  return seen;
}

}  // namespace warren::engine
