// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <vector>

#include "base/result.h"
#include "model/service.h"
#include "types/names.h"

namespace warren::store {

class Database;

/// The services that spaces reach at their own 127.0.0.1. Each method fails where the store cannot be read or
/// written.
class Services {
 public:
  explicit Services(Database& db) : db_(&db) {}

  /// Every service, sorted by name.
  [[nodiscard]] Result<std::vector<model::Service>> all();
  /// Error: exists.
  [[nodiscard]] Status insert(const model::Service& service);
  /// Error: not_found.
  [[nodiscard]] Status erase(const ServiceName& name);

 private:
  Database* db_;
};

}  // namespace warren::store
