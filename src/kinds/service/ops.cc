// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/service/ops.h"

#include <algorithm>
#include <fmt/format.h>

namespace warren::service {
namespace {

using kinds::Ask;
using kinds::Operation;
using model::Desired;
using model::Service;
using model::ServiceMode;

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

Status add_to(Desired& desired, const Service& service) {
  TRY(model::check(service));
  auto& services = desired.settings.services;
  TRY(check_free(service, services));
  for (const auto& space : service.scope.spaces) TRY(kinds::find(desired, space));
  services.push_back(service);
  std::ranges::sort(services, {}, &Service::name);
  return {};
}

Status remove_from(Desired& desired, const ServiceName& name) {
  auto& services = desired.settings.services;
  if (std::erase_if(services, [&](const Service& one) { return one.name == name; }) != 0) return {};
  return fail(Code::not_found,
              fmt::format("there is no service '{}'; `warren service ls` lists them", name.str()));
}

}  // namespace

// One that warrend relays concerns no space's kernel, and loads none but those that it names.
Operation add(Service service) {
  Operation operation;
  operation.touches = service.scope.spaces;
  operation.touches_all = service.mode == ServiceMode::nat;
  operation.change = [service = std::move(service)](Desired& desired, Ask&) {
    return add_to(desired, service);
  };
  return operation;
}

Operation remove(const ServiceName& name) {
  Operation operation;
  operation.touches_all = true;
  operation.change = [name](Desired& desired, Ask&) { return remove_from(desired, name); };
  return operation;
}

}  // namespace warren::service
