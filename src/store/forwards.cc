// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/forwards.h"

#include <algorithm>
#include <fmt/format.h>

#include "store/rows.h"

namespace warren::store {
namespace {

using model::Forward;
using Held = Forwards::Held;
using Host = std::optional<Ip>;

// CROSS JOIN keeps the planner from beginning with the spaces.
#define WARREN_HELD                            \
  "SELECT space.name, " WARREN_FORWARD_COLUMNS \
  " FROM forward CROSS JOIN space ON space.id = forward.space WHERE proto = ? AND "

Result<Held> read_held(const Database& db, const Statement& row) {
  return Held{TRY(read_name(db, row, 0)), TRY(read_forward(db, row, 1))};
}

/// The host addresses (and "any") that have a range, by skipping through the index from one to the next.
Result<std::vector<Host>> hosts_of_ranges(Database& db, Proto proto) {
  std::vector<Host> hosts{std::nullopt};
  for (;;) {
    auto next =
        TRY(db.prepare("SELECT host FROM forward WHERE proto = ? AND host > ? AND first <> last "
                       "ORDER BY host LIMIT 1"));
    next.bind(static_cast<std::int64_t>(proto));
    bind_host(next, hosts.back());
    if (!TRY(next.step())) return hosts;
    const auto host = next.ip(0);
    if (!host) return db.damaged("a forward has an impossible host address");
    hosts.push_back(host);
  }
}

/// The range of this host address that begins below `port` and reaches it. Ranges of one address never
/// overlap, so none but the last that begins below can.
Result<std::optional<Held>> range_reaching(Database& db, Proto proto, const Host& host, Port port) {
  auto query =
      TRY(db.prepare(WARREN_HELD "host = ? AND first <> last AND first < ? ORDER BY first DESC LIMIT 1"));
  query.bind(static_cast<std::int64_t>(proto));
  bind_host(query, host);
  query.bind(port);
  if (!TRY(query.step())) return std::nullopt;
  auto held = TRY(read_held(db, query));
  if (held.second.ports.last < port) return std::nullopt;
  return held;
}

/// A forward that begins within `range`, of any host address or only of those that meet `host`.
Result<std::optional<Held>> beginning_in(Database& db, const Forward& forward) {
  auto query = TRY(db.prepare(forward.host ? WARREN_HELD
                                  "first BETWEEN ? AND ? AND host IN (x'', ?) ORDER BY first LIMIT 1"
                                           : WARREN_HELD "first BETWEEN ? AND ? ORDER BY first LIMIT 1"));
  query.bind(static_cast<std::int64_t>(forward.proto)).bind(forward.ports.first).bind(forward.ports.last);
  if (forward.host) query.bind(*forward.host);
  if (!TRY(query.step())) return std::nullopt;
  return TRY(read_held(db, query));
}

Status add_forwards_of(Database& db, Proto proto, Port port, std::vector<Held>& to) {
  {
    auto query = TRY(db.prepare(WARREN_HELD "first = ? ORDER BY host"));
    query.bind(static_cast<std::int64_t>(proto)).bind(port);
    while (TRY(query.step())) to.push_back(TRY(read_held(db, query)));
  }
  const auto hosts = TRY(hosts_of_ranges(db, proto));
  for (const auto& host : hosts)
    if (auto held = TRY(range_reaching(db, proto, host, port))) to.push_back(std::move(*held));
  return {};
}

/// The ranges of this host address that meet `within`.
Status add_ranges_of(Database& db, Proto proto, const Host& host, PortRange within,
                     std::vector<PortRange>& to) {
  auto query =
      TRY(db.prepare("SELECT first, last FROM forward WHERE proto = ? AND host = ? AND first <> last "
                     "AND first <= ? ORDER BY first DESC"));
  query.bind(static_cast<std::int64_t>(proto));
  bind_host(query, host);
  query.bind(within.last);
  while (TRY(query.step())) {
    const PortRange range{static_cast<Port>(query.number(0)), static_cast<Port>(query.number(1))};
    if (range.last < within.first) break;
    to.push_back(range);
  }
  return {};
}

/// Sorted, clipped to `range`, and what touches made one.
std::vector<PortRange> merged(std::vector<PortRange> all, PortRange range) {
  std::ranges::sort(all);
  std::vector<PortRange> out;
  for (auto [first, last] : all) {
    first = std::max(first, range.first);
    last = std::min(last, range.last);
    if (!out.empty() && first <= out.back().last + 1)
      out.back().last = std::max(out.back().last, last);
    else
      out.push_back({first, last});
  }
  return out;
}

}  // namespace

Result<std::optional<Held>> Forwards::collision(const Forward& forward) {
  if (auto held = TRY(beginning_in(*db_, forward))) return held;
  auto hosts = forward.host ? std::vector<Host>{std::nullopt, forward.host}
                            : TRY(hosts_of_ranges(*db_, forward.proto));
  for (const auto& host : hosts)
    if (auto held = TRY(range_reaching(*db_, forward.proto, host, forward.ports.first))) return held;
  return std::nullopt;
}

Result<std::vector<Held>> Forwards::of_port(Port port) {
  std::vector<Held> all;
  for (const auto proto : {Proto::tcp, Proto::udp}) TRY(add_forwards_of(*db_, proto, port, all));
  return all;
}

Result<std::vector<PortRange>> Forwards::used(Proto proto, PortRange range) {
  std::vector<PortRange> all;
  {
    // Without the last port this never leaves its index; of ranges it gives the beginnings.
    auto query = TRY(db_->prepare("SELECT first FROM forward WHERE proto = ? AND first BETWEEN ? AND ?"));
    query.bind(static_cast<std::int64_t>(proto)).bind(range.first).bind(range.last);
    while (TRY(query.step())) {
      const auto port = static_cast<Port>(query.number(0));
      all.push_back({port, port});
    }
  }
  const auto hosts = TRY(hosts_of_ranges(*db_, proto));
  for (const auto& host : hosts) TRY(add_ranges_of(*db_, proto, host, range, all));
  return merged(std::move(all), range);
}

Status Forwards::insert(SpaceNumber number, const Forward& forward) {
  auto insert =
      TRY(db_->prepare("INSERT INTO forward(space, proto, host, first, last, to_port) "
                       "SELECT id, ?, ?, ?, ?, ? FROM space WHERE number = ?"));
  insert.bind(static_cast<std::int64_t>(forward.proto));
  bind_host(insert, forward.host);
  insert.bind(forward.ports.first).bind(forward.ports.last).bind(forward.to);
  const auto added = insert.bind(number).run();
  if (added && db_->changes() == 0) return no_space(number);
  if (!added && added.error().code == Code::exists)
    if (const auto held = collision(forward); held && *held)
      return fail(Code::exists, fmt::format("{} is taken by space {}", forward.str(), (*held)->first.str()));
  return added;
}

Status Forwards::erase(SpaceNumber number, const Forward& forward) {
  auto remove = TRY(db_->prepare("DELETE FROM forward WHERE space = " WARREN_ID_OF
                                 " AND proto = ? AND host = ? AND first = ? "
                                 "AND last = ? AND to_port = ?"));
  remove.bind(number).bind(static_cast<std::int64_t>(forward.proto));
  bind_host(remove, forward.host);
  TRY(remove.bind(forward.ports.first).bind(forward.ports.last).bind(forward.to).run());
  if (db_->changes() == 1) return {};
  return fail(Code::not_found, fmt::format("there is no forward {}", forward.str()));
}

}  // namespace warren::store
