// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/roster.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "daemon/journal.h"
#include "model/derive.h"

namespace warren::daemon {
namespace {

using model::ProxyHeader;
using proxy::Address;

proxy::Header header_of(ProxyHeader header) {
  if (header == ProxyHeader::none) return proxy::Header::none;
  return header == ProxyHeader::v1 ? proxy::Header::v1 : proxy::Header::v2;
}

/// An IPv6 place that cannot be because this kernel, or the space, has no IPv6 is no fault.
bool without_ipv6(const NotOpened& failed) {
  return failed.place.family == Family::v6 &&
         (failed.error.sys == EADDRNOTAVAIL || failed.error.sys == EAFNOSUPPORT);
}

}  // namespace

void on_loop(proxy::Loop& loop, const std::function<void()>& f) {
  std::promise<void> done;
  loop.post([&] {
    f();
    done.set_value();
  });
  done.get_future().wait();
}

Roster::Plan Roster::plan(const Wishes& wishes) {
  Plan plan;
  for (const auto& service : wishes.services) {
    if (service.mode != model::ServiceMode::proxy) continue;
    for (const auto& space : wishes.spaces) {
      if (space.state != model::State::up || !service.scope.covers(space.name)) continue;
      const auto wiring = model::wiring(space, wishes.settings);
      const auto header = header_of(service.header);
      plan[{space.name, service.proto, service.port, Family::v4}] = {service.name, header, wiring.ip4};
      plan[{space.name, service.proto, service.port, Family::v6}] = {service.name, header,
                                                                     wiring.ip6.value_or(wiring.ip4)};
    }
  }
  return plan;
}

void Roster::inherit(std::vector<Opened> listeners) { inherited_ = std::move(listeners); }

void Roster::sync(const Wishes& wishes) {
  const auto wanted = plan(wishes);
  drop_spaces(wanted);
  sync_targets(wishes);
  drop_places(wanted);
  drop_targets();
  open_missing(wanted);
  inherited_.clear();
}

bool Roster::stale() const {
  return std::ranges::any_of(spaces_, [&](const auto& entry) {
    const auto now = sys::netns_id(place_.pin(entry.first.str()));
    return !now || *now != entry.second.netns;
  });
}

/// Spaces that are gone, down, or another namespace under the same name.
void Roster::drop_spaces(const Plan& plan) {
  std::vector<SpaceName> gone;
  for (const auto& [name, space] : spaces_) {
    const auto first = plan.lower_bound({name, {}, 0, Family::v4});
    const bool wanted = first != plan.end() && first->first.space == name;
    const auto now = sys::netns_id(place_.pin(name.str()));
    if (!wanted || !now || *now != space.netns) gone.push_back(name);
  }
  if (gone.empty()) return;
  on_loop(loop_, [&] {
    for (const auto& name : gone) loop_.remove_space(spaces_.at(name).id);
  });
  for (const auto& name : gone) spaces_.erase(name);
  std::erase_if(listeners_, [&](const auto& entry) { return !spaces_.contains(entry.first.space); });
}

void Roster::drop_places(const Plan& plan) {
  std::vector<proxy::ListenerId> gone;
  std::erase_if(listeners_, [&](const auto& entry) {
    const auto found = plan.find(entry.first);
    const bool stays = found != plan.end() && found->second == entry.second.what;
    if (!stays) gone.push_back(entry.second.id);
    return !stays;
  });
  if (!gone.empty()) on_loop(loop_, [&] { loop_.remove_listeners(gone); });
  std::erase_if(failed_, [&](const auto& entry) { return !plan.contains(entry.first); });
}

std::vector<Address> Roster::addresses(const model::Target& target) const {
  if (target.ip()) return {Address::of(*target.ip(), target.port())};
  if (!target.path().empty()) {
    auto path = Address::of_path(target.path());
    return path ? std::vector{*path} : std::vector<Address>{};
  }
  std::vector<Address> result;
  const auto found = hosts_.find(target.host());
  if (found == hosts_.end()) return result;
  for (const auto& ip : found->second) result.push_back(Address::of(ip, target.port()));
  return result;
}

/// A service whose target moved keeps its listeners and its connections; new ones go to the new target.
void Roster::sync_targets(const Wishes& wishes) {
  std::set<std::string> hosts;
  services_.clear();
  for (const auto& service : wishes.services) {
    if (service.mode != model::ServiceMode::proxy) continue;
    services_.emplace(service.name, service);
    if (!service.target.host().empty()) hosts.insert(service.target.host());
  }
  std::erase_if(hosts_, [&](const auto& entry) { return !hosts.contains(entry.first); });
  resolver_.want(std::move(hosts));
  on_loop(loop_, [&] {
    for (const auto& [name, service] : services_) {
      const auto [entry, is_new] = targets_.try_emplace(name);
      if (is_new) entry->second = loop_.add_target({});
      loop_.set_target(entry->second, addresses(service.target));
    }
  });
}

void Roster::drop_targets() {
  on_loop(loop_, [&] {
    std::erase_if(targets_, [&](const auto& entry) {
      const bool gone = !services_.contains(entry.first);
      if (gone) loop_.remove_target(entry.second);
      return gone;
    });
  });
}

void Roster::resolved(const Resolver::Answer& answer) {
  if (answer.addresses.empty())
    return say(Level::warning, fmt::format("cannot look up {}: {}", answer.host, answer.error));
  hosts_[answer.host] = answer.addresses;
  on_loop(loop_, [&] {
    for (const auto& [name, service] : services_)
      if (service.target.host() == answer.host)
        loop_.set_target(targets_.at(name), addresses(service.target));
  });
}

void Roster::open_missing(const Plan& plan) {
  std::set<Endpoint> missing;
  for (const auto& [place, what] : plan)
    if (!listeners_.contains(place)) missing.insert(place);
  std::vector<Opened> opened;
  for (auto& candidate : inherited_) {
    const auto now = sys::netns_id(place_.pin(candidate.place.space.str()));
    if (!now || *now != candidate.netns || missing.erase(candidate.place) == 0) continue;
    opened.push_back(std::move(candidate));
  }
  auto made = open_endpoints(place_, {missing.begin(), missing.end()});
  std::ranges::move(made.opened, std::back_inserter(opened));
  std::ranges::move(take(std::move(opened), plan), std::back_inserter(made.failed));
  tell_failures(made.failed);
}

/// Gives the sockets to the loop; those that it refused are tried again, as what could not be opened is.
std::vector<NotOpened> Roster::take(std::vector<Opened> opened, const Plan& plan) {
  std::vector<NotOpened> refused;
  if (opened.empty()) return refused;
  on_loop(loop_, [&] {
    for (auto& one : opened) {
      const auto& what = plan.at(one.place);
      const auto [space, is_new] = spaces_.try_emplace(one.place.space);
      if (is_new) space->second = {loop_.add_space(one.place.space.str()), one.netns};
      const int fd = one.fd.get();
      auto id = loop_.add_listener(std::move(one.fd), {space->second.id, targets_.at(what.service),
                                                       one.place.proto, what.header, what.source});
      if (id)
        listeners_[one.place] = {*id, fd, what};
      else
        refused.push_back({one.place, std::move(id.error()).wrap(one.place.str())});
    }
  });
  for (const auto& one : opened)
    if (listeners_.contains(one.place)) failed_.erase(one.place);
  return refused;
}

/// Each once, however often it is tried again.
void Roster::tell_failures(const std::vector<NotOpened>& failed) {
  incomplete_ = false;
  for (const auto& one : failed) {
    if (without_ipv6(one)) continue;
    incomplete_ = true;
    if (one.error.code == Code::not_found) continue;  // a space that is just being made
    auto& known = failed_[one.place];
    if (known == one.error.what) continue;
    known = one.error.what;
    say(Level::warning, fmt::format("space {}: {}", one.place.space.str(), one.error.what));
  }
}

std::vector<Standing> Roster::standing() const {
  std::map<proxy::ListenerId, proxy::Counters> counters;
  on_loop(loop_, [&] {
    for (const auto& state : loop_.listeners()) counters[state.id] = state.counters;
  });
  std::vector<Standing> result;
  result.reserve(listeners_.size());
  for (const auto& [place, held] : listeners_)
    result.push_back({place, held.what.service, counters[held.id]});
  return result;
}

std::vector<Handed> Roster::for_handover() const {
  std::vector<Handed> result;
  for (const auto& [place, held] : listeners_) result.push_back({place.space, held.fd});
  return result;
}

}  // namespace warren::daemon
