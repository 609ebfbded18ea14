// SPDX-License-Identifier: GPL-2.0-or-later
// For the .cc files of this folder.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/hooks.h"
#include "host/host.h"
#include "host/kernel.h"
#include "kinds/operation.h"
#include "kinds/session/index.h"
#include "model/plan.h"
#include "netlink/conntrack.h"
#include "rooms/room.h"
#include "store/store.h"
#include "sys/lock.h"

namespace warren::engine {

/// Two states of the same spaces.
struct Change {
  model::Desired before;
  model::Desired after;
};

/// Spaces whose namespaces come or go with a change.
struct Moves {
  std::vector<model::Space> rising;   ///< as they are wanted
  std::vector<model::Space> falling;  ///< as they were
};
[[nodiscard]] Moves moves_of(const Change& change);

/// Writes the difference between two states into the store, within a transaction that has begun. What goes is
/// written first, so that a port or an address may change hands. Error: exists, not_found.
[[nodiscard]] Status write_change(store::Store& store, const Change& change);

/// What stays the same while one plan is carried out.
struct Carry {
  const model::Plan& plan;
  const model::Desired& desired;
  Report& report;
  model::Progress progress = {};
  rooms::RoomSource* begun = nullptr;
  bool all = false;  ///< `desired` is all there is
  std::vector<model::SpaceFailure> device_failures = {};
};

class Engine::Self {
 public:
  Self(const Place& place, sys::WriterLock lock, store::Store store, model::Settings settings)
      : lock_(std::move(lock)),
        store_(std::move(store)),
        settings_(std::move(settings)),
        hooks_(place),
        kernel_(place) {}

  [[nodiscard]] Status begin();
  [[nodiscard]] const model::Settings& settings() const { return settings_; }
  [[nodiscard]] Result<Report> run(const kinds::Operation& operation, const Options& options);
  [[nodiscard]] Result<std::vector<std::string>> check();
  [[nodiscard]] Result<Report> up(const std::vector<SpaceName>& names, const model::Progress& progress);
  [[nodiscard]] Result<std::optional<SpaceName>> up_for(const std::string& login, bool create);
  [[nodiscard]] Result<model::Desired> desired();

 private:
  [[nodiscard]] const Place& place() const { return kernel_.place(); }

  // What is wanted: engine.cc.
  [[nodiscard]] Status make_ula();
  [[nodiscard]] Result<model::Desired> load(const std::vector<SpaceName>& names);
  [[nodiscard]] Status fill(model::Desired& desired);
  [[nodiscard]] Result<const host::HostFacts*> facts();  ///< read once: an engine lives for one operation

  // An operation: run.cc.
  using Adopted = std::map<SpaceName, std::shared_ptr<const UniqueFd>>;
  [[nodiscard]] Result<std::pair<Change, Adopted>> decide(const kinds::Operation& operation);
  [[nodiscard]] Status store_change(const Change& change, const Moves& moves);
  [[nodiscard]] Status carry_out(const Change& change, Report& report, const Options& options,
                                 rooms::RoomSource* begun);
  [[nodiscard]] Result<model::Observed> glance(const Change& change);
  [[nodiscard]] Status take_back(const Change& change, const Moves& moves);
  [[nodiscard]] Status go_on(const kinds::Operation& operation, Report& report);

  // The kernel's part of every plan: perform.cc and table.cc.
  [[nodiscard]] Status perform(Carry& carry);
  [[nodiscard]] Status prepare_host(Carry& carry, host::Originals& originals);
  [[nodiscard]] Status shut(Carry& carry);
  [[nodiscard]] Status leave(Carry& carry);
  [[nodiscard]] Status make(Carry& carry);
  [[nodiscard]] Status open_up(const std::vector<Element>& add);
  [[nodiscard]] Status run_kinds(Carry& carry, bool leaving);
  [[nodiscard]] Status forget_gone(Carry& carry);
  [[nodiscard]] Status leave_host();
  [[nodiscard]] Status change_table(const std::vector<Element>& remove, const std::vector<Element>& add);
  [[nodiscard]] Status settle_table();
  [[nodiscard]] Status forget_flows(const std::vector<netlink::FlowMatch>& matches);

  // check and up: up.cc.
  [[nodiscard]] Result<Report> bring_up(const std::vector<SpaceName>& names, const model::Progress& progress);
  void mend_sections(Report& report);

  // Sessions: sessions.cc.
  [[nodiscard]] session::SessionIndex sessions() {
    return session::SessionIndex(place(), store_, settings_.min_uid);
  }
  [[nodiscard]] Status hold_sessions(const Moves& moves);
  [[nodiscard]] Status sync_sessions(const std::vector<model::SpaceFailure>& failures);
  /// Once their work is done; those that failed lead nowhere still.
  [[nodiscard]] Status settle_sessions(const std::vector<model::Space>& spaces,
                                       const std::vector<model::SpaceFailure>& failures);
  [[nodiscard]] Status change_member_links(const Change& change);

  // The operator's hooks; what they are told and when, engine/hooks.h says: moves.cc.
  [[nodiscard]] Status begin_moves(const Moves& moves, bool force);
  [[nodiscard]] Status rise_all(const std::vector<model::Space>& spaces);
  [[nodiscard]] Status vacate(const std::vector<model::Space>& spaces, bool force);
  void end_moves(const Moves& moves, const std::vector<model::SpaceFailure>& failures);
  void undo_moves(const Moves& moves);
  void tell_of_device(bool came, const model::Space& space, const model::Device& device);
  /// Marks as failed those spaces of the plan that come up anew and are refused by pre-up.
  void ask_hooks(Carry& carry);
  /// Runs what is owed to these spaces.
  void make_good(const std::vector<model::Space>& spaces, const std::vector<model::SpaceFailure>& failures);
  /// Lets go what is owed to others: an operation may have crashed before it was written.
  void forget_notes(const std::vector<model::Space>& spaces);

  sys::WriterLock lock_;
  store::Store store_;
  model::Settings settings_;
  Hooks hooks_;
  host::Kernel kernel_;
  std::optional<host::HostFacts> facts_;
};

}  // namespace warren::engine
