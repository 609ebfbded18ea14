// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/services.h"

#include <fmt/format.h>
#include <map>
#include <utility>

#include "store/rows.h"
#include "store/snapshot.h"

namespace warren::store {
namespace {

using model::Service;

Result<Service> read_service(const Database& db, const Statement& row) {
  const auto proto = row.number(1), port = row.number(2);
  const auto mode = read_enum(row.number(4), model::kLastServiceMode);
  const auto header = read_enum(row.number(5), model::kLastProxyHeader);
  const auto scope = read_enum(row.number(6), model::kLastScopeKind);
  const auto name = ServiceName::parse(row.text(0));
  const auto target = model::Target::parse(row.text(3));
  const bool good =
      name && target && (proto == 6 || proto == 17) && port >= 1 && port <= 65535 && mode && header && scope;
  if (!good) return db.damaged("an impossible service");
  Service service;
  service.name = *name;
  service.proto = static_cast<Proto>(proto);
  service.port = static_cast<Port>(port);
  service.target = *target;
  service.mode = *mode;
  service.header = *header;
  service.scope.kind = *scope;
  return service;
}

Status insert_service(Database& db, const Service& service) {
  const auto target = service.target.str();
  auto insert =
      TRY(db.prepare("INSERT INTO service(name, proto, port, target, mode, header, scope) "
                     "VALUES(?, ?, ?, ?, ?, ?, ?)"));
  insert.bind(service.name.str()).bind(static_cast<std::int64_t>(service.proto)).bind(service.port);
  insert.bind(target).bind(static_cast<std::int64_t>(service.mode));
  insert.bind(static_cast<std::int64_t>(service.header)).bind(static_cast<std::int64_t>(service.scope.kind));
  auto inserted = insert.run();
  if (!inserted && inserted.error().code == Code::exists)
    return fail(Code::exists, fmt::format("there is a service '{}' already", service.name.str()));
  return inserted;
}

}  // namespace

Result<std::vector<Service>> Services::all() {
  const auto snapshot = TRY(Snapshot::begin(*db_));
  std::vector<Service> all;
  auto query =
      TRY(db_->prepare("SELECT name, proto, port, target, mode, header, scope FROM service ORDER BY name"));
  while (TRY(query.step())) all.push_back(TRY(read_service(*db_, query)));
  std::map<std::string, Service*, std::less<>> by_name;
  for (auto& service : all) by_name[service.name.str()] = &service;
  auto spaces = TRY(db_->prepare("SELECT service, space FROM service_space ORDER BY service, space"));
  while (TRY(spaces.step())) {
    const auto service = by_name.find(spaces.text(0));
    if (service == by_name.end()) return db_->damaged("a scope of no service");
    service->second->scope.spaces.push_back(TRY(read_name(*db_, spaces, 1)));
  }
  return all;
}

Status Services::insert(const Service& service) {
  TRY(insert_service(*db_, service));
  for (const auto& space : service.scope.spaces) {
    auto insert = TRY(db_->prepare("INSERT INTO service_space(service, space) VALUES(?, ?)"));
    TRY(insert.bind(service.name.str()).bind(space.str()).run());
  }
  return {};
}

Status Services::erase(const ServiceName& name) {
  auto change = TRY(db_->prepare("DELETE FROM service WHERE name = ?"));
  TRY(change.bind(name.str()).run());
  if (db_->changes() == 1) return {};
  return fail(Code::not_found,
              fmt::format("there is no service '{}'; `warren service ls` lists them", name.str()));
}

}  // namespace warren::store
