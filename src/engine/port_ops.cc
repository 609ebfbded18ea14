// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <fmt/format.h>

#include "engine/engine.h"
#include "kinds/forward/ports.h"

namespace warren::engine {
namespace {

/// The forwards that a specification names. A port without a colon is the host's, as `port ls` shows it.
std::vector<model::Forward> named_by(const model::ForwardSpec& spec,
                                     const std::vector<model::Forward>& forwards) {
  std::vector<model::Forward> found;
  for (const auto& want : spec.forwards(PortRange{spec.to, spec.to}))
    for (const auto& forward : forwards)
      if (forward.proto == want.proto && forward.host == want.host && forward.ports == want.ports &&
          (!spec.ports || forward.to == want.to))
        found.push_back(forward);
  return found;
}

}  // namespace

Result<std::vector<model::Forward>> Engine::add_ports(const SpaceName& name,
                                                      const std::vector<model::ForwardSpec>& specs) {
  const auto space = TRY(find(name));
  if (!space.uplink) return std::unexpected(no_forwards(name));
  const auto added = TRY(forward::PortResolver(store_, settings_).resolve(specs));
  TRY(store_forwards(space, {}, added));
  if (space.state != model::State::up) return added;
  Work work;
  change_forwards(work, model::wiring(space, settings_), {}, added);
  if (auto done = carry_out(work); !done) {
    TRY(store_forwards(space, added, {}));
    return std::unexpected(std::move(done).error());
  }
  return added;
}

Status Engine::store_forwards(const model::Space& space, const std::vector<model::Forward>& remove,
                              const std::vector<model::Forward>& add) {
  auto transaction = TRY(store_.begin());
  for (const auto& forward : remove) TRY(store_.remove_forward(space.number, forward));
  for (const auto& forward : add) TRY(store_.add_forward(space.number, forward));
  return transaction.commit();
}

Result<std::vector<model::Forward>> Engine::remove_ports(const SpaceName& name,
                                                         const std::vector<model::ForwardSpec>& specs) {
  const auto space = TRY(find(name));
  std::vector<model::Forward> gone;
  for (const auto& spec : specs) {
    const auto found = named_by(spec, space.forwards);
    if (found.empty())
      return fail(
          Code::not_found,
          fmt::format("space {} has no forward of port {}; `warren port ls {}` lists them", name.str(),
                      spec.ports.value_or(PortRange{spec.to, spec.to}).str(), name.str()));
    for (const auto& forward : found)
      if (std::ranges::find(gone, forward) == gone.end()) gone.push_back(forward);
  }
  TRY(store_forwards(space, gone, {}));
  if (space.state != model::State::up) return gone;
  Work work;
  change_forwards(work, model::wiring(space, settings_), gone, {});
  (void)TRY(carry_out(work));
  return gone;
}

}  // namespace warren::engine
