// SPDX-License-Identifier: GPL-2.0-or-later
// What every operation is: decide, write, plan, run; and take back what fails.
#include <algorithm>
#include <optional>

#include "engine/plan.h"
#include "engine/self.h"
#include "host/table.h"
#include "kinds/session/confine.h"
#include "rooms/room.h"
#include "sys/netns.h"

namespace warren::engine {
namespace {

using kinds::Operation;
using model::Desired;
using model::Space;
using model::State;

const Space* find_space(const Desired& desired, SpaceNumber number) {
  const auto found = std::ranges::find(desired.spaces, number, &Space::number);
  return found == desired.spaces.end() ? nullptr : &*found;
}

bool is_same(const Change& change) {
  return change.before.spaces == change.after.spaces &&
         change.before.settings.services == change.after.settings.services;
}

/// Those that come or go, or stay down and are on their way out.
std::vector<Space> touched(const Change& change) {
  std::vector<Space> spaces;
  for (const auto& space : change.after.spaces) {
    const auto* before = find_space(change.before, space.number);
    if (!before || before->state != space.state) spaces.push_back(space);
  }
  return spaces;
}

/// The one namespace that comes is begun with while the store is written. Until that is done it has no name.
std::optional<std::vector<rooms::RoomOrder>> orders_for(
    const Moves& moves, const Change& change,
    const std::map<SpaceName, std::shared_ptr<const UniqueFd>>& adopted) {
  const auto differs = [&](const Space& space) {
    const auto* before = find_space(change.before, space.number);
    return !before || *before != space;
  };
  if (moves.rising.size() != 1 || std::ranges::count_if(change.after.spaces, differs) != 1)
    return std::nullopt;
  const auto& space = moves.rising.front();
  if (const auto found = adopted.find(space.name); found != adopted.end())
    return std::vector{rooms::RoomOrder{space.name, rooms::RoomOrder::Kind::adopt, found->second}};
  if (find_space(change.before, space.number))
    return std::nullopt;  // its IDs may be another's than the host's
  return std::vector{rooms::RoomOrder{space.name}};
}

/// The state to which a change that failed goes back: what came is to go, by all the steps that this takes.
Desired taken_back(const Change& change, const Desired& now) {
  auto target = change.before;
  for (const auto& space : now.spaces) {
    auto* before = const_cast<Space*>(find_space(target, space.number));
    if (!before) {
      auto& gone = target.spaces.emplace_back(space);
      gone.state = State::removing;
      gone.ip4.reset(), gone.ip6.reset();  // another gets them back, and its ports
      gone.forwards.clear();
      continue;
    }
    for (const auto& device : space.devices) {
      const auto had = std::ranges::find(before->devices, device.index, &model::Device::index);
      if (had != before->devices.end()) {
        had->origin = device.origin, had->home = device.home;  // where it is, not what was wished
        continue;
      }
      before->devices.push_back(device);
      before->devices.back().leaving = true;
    }
    std::ranges::sort(before->devices, {}, &model::Device::index);
  }
  std::ranges::sort(target.spaces, {}, &Space::number);
  return target;
}

}  // namespace

Moves moves_of(const Change& change) {
  Moves moves;
  for (const auto& space : change.after.spaces) {
    const auto* before = find_space(change.before, space.number);
    const bool was = before && before->state == State::up;
    const bool is = space.state == State::up;
    if (is && !was) moves.rising.push_back(space);
    if (was && !is) moves.falling.push_back(*before);
  }
  return moves;
}

/// The numbers that it chooses are given only when the change is written.
Result<std::pair<Change, Engine::Self::Adopted>> Engine::Self::decide(const Operation& operation) {
  Change change{operation.touches_all ? TRY(desired()) : TRY(load(operation.touches)), {}};
  change.after = change.before;
  kinds::Ask ask(store_, kernel_, settings_, [this] { return facts(); });
  const auto rolled_back = TRY(store_.begin());
  TRY(operation.change(change.after, ask));
  std::ranges::sort(change.after.spaces, {}, &Space::number);
  change.after.confined = TRY(session::confined(change.after.spaces, settings_));
  return std::pair{std::move(change), std::move(ask.adopted)};
}

/// Nobody is placed in what is not whole: sessions are held before the commit, from which on a crash is
/// completed by the next `up`.
Status Engine::Self::store_change(const Change& change, const Moves& moves) {
  auto written = [&]() -> Status {
    TRY(hold_sessions(moves));
    auto transaction = TRY(store_.begin());
    TRY(write_change(store_, change));
    return transaction.commit();
  }();
  if (written) {
    settings_.services = change.after.settings.services;
    return written;
  }
  if (!moves.rising.empty() || !moves.falling.empty()) TRY(sync_sessions({}));
  return written;
}

/// What an operation is told of the kernel: all that was wanted before stands, but for what is cheap to ask.
Result<model::Observed> Engine::Self::glance(const Change& change) {
  auto seen = expected(change.before, change.after);
  if (!model::is_serving(change.after)) {
    seen.table = TRY(host::has_table(kernel_));
    return seen;
  }
  const auto& host = *TRY(facts());
  const auto originals = TRY(host::Originals::load(place()));
  seen.host_missing =
      host::all_host_parts(settings_);  // to put them where they stand costs less than to look
  seen.sysctls = TRY(host::pending_sysctls(*TRY(kernel_.route()), host, settings_, originals));
  const auto rules = host::make_rules(host, settings_, originals, seen.sysctls);
  const auto age = TRY(host::age_of_table(kernel_, rules));
  seen.table = age != host::TableAge::none;
  seen.rules_right = age == host::TableAge::current;
  return seen;
}

Status Engine::Self::carry_out(const Change& change, Report& report, const Options& options,
                               rooms::RoomSource* begun) {
  TRY(change_member_links(change));
  auto plan = engine::plan(change.after, TRY(glance(change)));
  const auto* desired = &change.after;
  std::optional<Desired> all;
  if (plan.new_rules) {
    // The table is made anew with the elements of all spaces, those too that this change does not touch.
    all = TRY(this->desired());
    plan.add = model::wanted_elements(*all);
    desired = &*all;
  }
  Carry carry{plan, *desired, report, options.progress, begun};
  TRY(perform(carry));
  const auto spaces = touched(change);
  if (!spaces.empty()) TRY(settle_sessions(spaces, report.failures));
  std::ranges::move(carry.device_failures, std::back_inserter(report.failures));
  return {};
}

/// The store says again what it said before, and then `up` is what it always is: from what is there to that.
Status Engine::Self::take_back(const Change& change, const Moves& moves) {
  std::vector<SpaceName> names;
  for (const auto& space : change.after.spaces) names.push_back(space.name);
  auto now = TRY(load(names));
  now.settings = change.after.settings;
  Change back{now, taken_back(change, now)};
  TRY(store_change(back, {}));
  TRY(change_member_links(back));
  const auto report = TRY(bring_up(names, {}));
  undo_moves(moves);
  return report.whole();
}

/// What goes on is finished at once, where that can be: a step that was refused may succeed a moment later.
/// What is refused again is told of as it was at first. An error leaves the report as it is.
Status Engine::Self::go_on(const Operation& operation, Report& report) {
  auto names = operation.touches;
  if (!report.failures.empty()) names.clear();
  for (const auto& failure : report.failures) names.push_back(failure.name);
  auto again = TRY(bring_up(names, {}));
  for (auto& failure : again.failures) {
    const auto first = std::ranges::find(report.failures, failure.name, &model::SpaceFailure::name);
    if (first != report.failures.end()) failure = *first;
  }
  report.failures = std::move(again.failures);
  std::ranges::move(again.warnings, std::back_inserter(report.warnings));
  return {};
}

Result<Report> Engine::Self::run(const Operation& operation, const Options& options) {
  auto [change, adopted] = TRY(decide(operation));
  Report report{change.before, change.after, {}, {}, {}};
  if (options.dry_run || is_same(change)) return report;
  const auto moves = moves_of(change);
  std::optional<rooms::RoomSource> room;
  if (auto orders = orders_for(moves, change, adopted)) {
    TRY(sys::prepare_pins(place()));  // a name that is given before would lie below the mount
    room.emplace(place(), std::move(*orders), true);
  }
  TRY(begin_moves(moves, options.force));
  if (auto written = store_change(change, moves); !written) {
    undo_moves(moves);
    return std::unexpected(std::move(written).error());
  }
  if (room) room->release();
  auto done = carry_out(change, report, options, room ? &*room : nullptr);
  room.reset();
  const bool goes_on = operation.on_failure == Operation::OnFailure::go_on;
  if (goes_on && !(done && report.failures.empty()) && go_on(operation, report)) done = {};
  if (done && !goes_on) done = report.whole();
  if (done) {
    end_moves(moves, report.failures);
    return report;
  }
  if (const auto back = take_back(change, moves); !back)
    done.error().what += "; not all is as it was (" + back.error().what + "): `warren up` tries again";
  return std::unexpected(std::move(done).error());
}

}  // namespace warren::engine
