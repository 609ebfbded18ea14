// SPDX-License-Identifier: GPL-2.0-or-later
// What surrounds the coming and going of spaces: the operator's hooks, and those who are inside.
#include <algorithm>

#include "engine/self.h"
#include "kinds/device/device.h"
#include "kinds/uplink/aspects.h"

namespace warren::engine {

using hooks::Event;
using model::Space;
using model::SpaceFailure;
using model::State;

Status Engine::Self::rise_all(const std::vector<Space>& spaces) {
  for (const auto& space : spaces)
    if (auto allowed = hooks_.rise(space, settings_); !allowed) {
      for (const auto& other : spaces)
        if (hooks_.rose(other.name)) hooks_.fallen(other, settings_);
      if (spaces.size() == 1) return allowed;
      return std::unexpected(std::move(allowed).error().wrap("space " + space.name.str()));
    }
  return {};
}

/// All that may refuse what is asked, before any of it is written. Nobody comes in while those inside are
/// looked for, and the operator's hooks may end what runs there. Where somebody stays, all stay.
Status Engine::Self::begin_moves(const Moves& moves, bool force) {
  TRY(rise_all(moves.rising));
  auto begun = [&]() -> Status {
    for (const auto& space : moves.falling) TRY(sessions().hold(space));
    for (const auto& space : moves.falling) hooks_.fall(space, settings_);
    return vacate(moves.falling, force);
  }();
  if (begun) return begun;
  undo_moves(moves);
  TRY(settle_sessions(moves.falling, {}));
  return begun;
}

void Engine::Self::end_moves(const Moves& moves, const std::vector<SpaceFailure>& failures) {
  for (const auto& space : moves.rising)
    if (model::has_failed(failures, space.name))
      hooks_.fallen(space, settings_);
    else
      hooks_.risen(space, settings_);
  auto fallen = moves.falling;
  for (auto& space : fallen) space.state = State::down;
  make_good(fallen, {});  // those that were removed have been told of
}

void Engine::Self::undo_moves(const Moves& moves) {
  for (const auto& space : moves.rising) hooks_.fallen(space, settings_);
  for (const auto& space : moves.falling) hooks_.let_be(space.name);
}

/// Those that come and go with their space count; one that is only mended does not.
void Engine::Self::tell_of_device(bool came, const Space& space, const model::Device& device) {
  const auto mac =
      device::mac_of(kernel_, store_, space, device).value_or(model::device_mac(space.number, device));
  hooks::Device facts{device.name.str(), std::string(name(device.kind)), mac.str(), {}, {}};
  if (device.parent) facts.parent = device.parent->str();
  if (device.vlan != 0) facts.vlan = device.vlan;
  hooks_.device(came ? Event::dev_add : Event::dev_rm, space, settings_, facts);
}

/// Of an operation they have been asked before it was written. `up` asks for those that it finds missing.
void Engine::Self::ask_hooks(Carry& carry) {
  for (const auto& step : carry.plan.steps) {
    const auto missing = uplink::Parts::of_bits(step.missing);
    const auto seen = uplink::Parts::of_bits(step.seen);
    if (step.kind != 0 || step.action == model::Step::Action::drop) continue;
    // Where the host end stands, so does the namespace of the other: a space that stays is mended.
    if (!missing.has(uplink::Part::netns) || seen.has(uplink::Part::has_outer)) continue;
    if (auto allowed = hooks_.rise(*step.space, settings_); !allowed)
      carry.report.failures.push_back({step.space->name, std::move(allowed).error()});
  }
}

void Engine::Self::make_good(const std::vector<Space>& spaces, const std::vector<SpaceFailure>& failures) {
  for (const auto& [name, event] : hooks_.owed()) {
    const auto space = std::ranges::find(spaces, name, &Space::name);
    if (space == spaces.end()) continue;
    const bool up = space->state == State::up;
    if (up && event == Event::down)
      hooks_.let_be(name);
    else if (up && !model::has_failed(failures, name))
      hooks_.risen(*space, settings_);
    else if (!up || hooks_.rose(name))
      hooks_.fallen(*space, settings_);
  }
}

void Engine::Self::forget_notes(const std::vector<Space>& spaces) {
  for (const auto& [name, event] : hooks_.owed())
    if (std::ranges::find(spaces, name, &Space::name) == spaces.end()) hooks_.let_be(name);
}

}  // namespace warren::engine
