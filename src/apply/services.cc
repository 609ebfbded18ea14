// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>

#include "apply/engine.h"
#include "apply/inner_table.h"
#include "apply/table.h"
#include "store/services.h"
#include "store/spaces.h"
#include "sys/netns.h"

namespace warren::apply {
namespace {

using model::Service;

Status check_free(const Service& wanted, const std::vector<Service>& services) {
  for (const auto& other : services) {
    if (other.name == wanted.name)
      return fail(Code::exists, fmt::format("there is a service '{}' already", wanted.name.str()));
    if (other.proto == wanted.proto && other.port == wanted.port && other.scope.meets(wanted.scope))
      return fail(Code::exists, fmt::format("{} port {} of the spaces is taken by service {}",
                                            name(wanted.proto), wanted.port, other.name.str()));
  }
  return {};
}

}  // namespace

Status Engine::change_services(std::vector<Service> after, const Progress& progress) {
  const auto before = settings_;
  settings_.services = std::move(after);
  const auto spaces = TRY(store_.spaces().all());
  std::vector<Element> remove, add;
  std::vector<const model::Space*> touched;
  for (const auto& space : spaces) {
    if (space.state != model::State::up) continue;
    const auto was = model::service_elements(space, before), is = model::service_elements(space, settings_);
    std::ranges::set_difference(was, is, std::back_inserter(remove));
    std::ranges::set_difference(is, was, std::back_inserter(add));
    if (was != is ||
        model::nat_services(space, before).size() != model::nat_services(space, settings_).size())
      touched.push_back(&space);
  }
  if (touched.empty()) return {};
  Work work;
  work.remove = std::move(remove);
  work.add = std::move(add);
  TRY(carry_out(work));
  for (std::size_t i = 0; i < touched.size(); ++i) {
    // One that is not there gets all it should have from `up`.
    if (const auto netns = sys::open_netns(sys::pin_path(touched[i]->name)))
      TRY_WRAP("space " + touched[i]->name.str(), put_inner_table(netns->get(), *touched[i], settings_));
    if (progress) progress(i + 1, touched.size());
  }
  return {};
}

Status Engine::add_service(const Service& service, const Progress& progress) {
  TRY(model::check(service));
  TRY(check_free(service, settings_.services));
  for (const auto& space : service.scope.spaces) TRY(find(space));
  auto transaction = TRY(store_.begin());
  TRY(store_.services().insert(service));
  TRY(transaction.commit());
  return change_services(TRY(store_.services().all()), progress);
}

Status Engine::remove_service(const ServiceName& name, const Progress& progress) {
  auto transaction = TRY(store_.begin());
  TRY(store_.services().erase(name));
  // The store goes last: without any service, nobody would look for what a crash left inside.
  TRY(change_services(TRY(store_.services().all()), progress));
  return transaction.commit();
}

}  // namespace warren::apply
