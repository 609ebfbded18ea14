// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/load.h"

#include <tuple>

#include "store/rows.h"

namespace warren::store {

Status check_other(Database& db, std::int64_t id) {
  auto query = TRY(db.prepare("SELECT 1 FROM space WHERE id = ?"));
  query.bind(id);
  if (TRY(query.step())) return {};
  return db.damaged("a row of a space that is not there");
}

Status load_forwards(Database& db, IdSpan span, std::vector<LoadedSpace>& spaces) {
  auto query =
      TRY(db.prepare("SELECT " WARREN_FORWARD_COLUMNS
                     ", space FROM forward WHERE space BETWEEN ? AND ? ORDER BY space, proto, host, first"));
  query.bind(span.first).bind(span.last);
  auto at = spaces.begin();
  while (TRY(query.step())) {
    const auto id = query.number(5);
    while (at != spaces.end() && at->id < id) ++at;
    if (at == spaces.end() || at->id != id) {
      TRY(check_other(db, id));
      continue;
    }
    at->space.forwards.push_back(TRY(read_forward(db, query, 0)));
  }
  for (auto& one : spaces) sort_forwards(one.space.forwards);
  return {};
}

model::Device* LoadedDevices::find(std::int64_t space, std::int64_t index) {
  const auto key = [](const At& at) {
    return std::tuple(at.space, static_cast<std::int64_t>(at.device->index));
  };
  const std::tuple wanted(space, index);
  while (next_ < all_.size() && key(all_[next_]) < wanted) ++next_;
  return next_ < all_.size() && key(all_[next_]) == wanted ? all_[next_].device : nullptr;
}

}  // namespace warren::store
