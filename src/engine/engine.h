// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/hooks.h"
#include "engine/work.h"
#include "host/host.h"
#include "host/kernel.h"
#include "host/links.h"
#include "kinds/device/devices.h"
#include "kinds/session/index.h"
#include "kinds/uplink/build.h"
#include "model/forward_spec.h"
#include "model/plan.h"
#include "netlink/conntrack.h"
#include "store/store.h"
#include "sys/lock.h"

namespace warren::forward {
class PortResolver;
}

namespace warren::engine {

struct Change;
struct Reconciliation;

/// What is left to do to the host for the spaces to be served.
struct Preparation {
  host::Originals originals;
  std::vector<model::SysctlChange> sysctls;  ///< to be made once the elements stand
  std::vector<Element> add;                  ///< to a table that was made just now, in place of the work's
  bool new_table = false;
};

/// A space that is asked for.
struct SpaceRequest {
  SpaceName name;
  std::vector<model::ForwardSpec> ports;
  std::optional<Ip> ip4;
  std::optional<Ip> ip6;
  bool nat = true;
  bool up = true;
  bool uplink = true;
  std::vector<model::Device> devices;  ///< complete (see model::complete); an index of 0 is to be chosen
  std::optional<SpaceNumber> number;   ///< kept when it is free
  std::string adopt;                   ///< path of a namespace that is there already, or empty
};

/// What `apply` would do, or did, to one space.
struct SpaceStep {
  enum class Kind { create, change, remove };
  Kind kind = Kind::create;
  SpaceName name;
  std::string what;  ///< in words: "adds tcp 6000 -> 8080"
};

/// What `up` did.
struct UpReport {
  std::vector<std::string> mended;  ///< the faults that it found and mended
  std::vector<model::SpaceFailure> failures;
  std::vector<std::string> warnings;
};

/// Desired state and kernel, changed together. While one lives it holds the writers' lock.
class Engine {
 public:
  /// Waits for the lock; opens the store; makes the ULA prefix at the first time.
  [[nodiscard]] static Result<Engine> open(model::Settings settings);

  [[nodiscard]] const model::Settings& settings() const { return settings_; }

  /// Makes a space. On failure nothing of it is left. `dry_run`: only what it would be.
  [[nodiscard]] Result<model::Space> add(const SpaceRequest& request, bool dry_run = false);
  /// Takes a namespace that exists into a space that is down.
  [[nodiscard]] Result<model::Space> adopt_again(const SpaceName& name, const std::string& path);

  /// Adds or removes forwards of a space; gives those that it added or removed.
  [[nodiscard]] Result<std::vector<model::Forward>> add_ports(const SpaceName& name,
                                                              const std::vector<model::ForwardSpec>& specs);
  [[nodiscard]] Result<std::vector<model::Forward>> remove_ports(
      const SpaceName& name, const std::vector<model::ForwardSpec>& specs);

  /// Gives a space a device: at once where it is up. Gives it as it was stored. Error: usage, exists,
  /// not_found, unsupported (the kernel lacks its kind); nothing of it is left then.
  [[nodiscard]] Result<model::Device> add_device(const SpaceName& name, model::Device device);
  /// Error: not_found.
  [[nodiscard]] Status remove_device(const SpaceName& name, const IfName& device);
  /// What is to be told of what was done, a line each: a physical device has come back under another name.
  [[nodiscard]] const std::vector<std::string>& said() const { return said_; }

  /// Removes spaces, or takes them down. Processes inside are an error that lists them, unless `force`
  /// ends them. Those inside an adopted namespace are left alone.
  [[nodiscard]] Status remove(const std::vector<SpaceName>& names, bool force);
  [[nodiscard]] Status down(const std::vector<SpaceName>& names, bool force);
  [[nodiscard]] Result<std::vector<SpaceName>> names();

  /// Makes a service, for the spaces that are there and those to come. Error: usage (see model::check),
  /// exists (the name, or the port in a space that has both).
  [[nodiscard]] Status add_service(const model::Service& service, const model::Progress& progress = {});
  [[nodiscard]] Status remove_service(const ServiceName& name, const model::Progress& progress = {});

  /// Whose sessions land in the space.
  [[nodiscard]] Status add_members(const SpaceName& name, const std::vector<model::Member>& members);
  [[nodiscard]] Status remove_members(const SpaceName& name, const std::vector<model::Member>& members);
  /// Makes the space of a user whole, for a login that waits for it; `create`: makes one of his own name
  /// where he has none. Gives its name, or nothing where he has none.
  [[nodiscard]] Result<std::optional<SpaceName>> up_for(const std::string& login, bool create);

  /// What differs between desired and observed: one line a fault.
  [[nodiscard]] Result<std::vector<std::string>> check();
  /// Mends all that check() finds; of the named spaces only, where any are named, and these are wanted up
  /// from then on.
  [[nodiscard]] Result<UpReport> up(const std::vector<SpaceName>& names,
                                    const model::Progress& progress = {});

  /// Makes the store and the kernel what the requests say; with `prune`, spaces that are not among them go.
  /// `dry_run`: only the steps. `decided` is told the steps before the first is made.
  struct ApplyOptions {
    bool prune = false;
    bool dry_run = false;
    bool force = false;
    model::Progress progress;
  };
  struct ApplyReport {
    std::vector<SpaceStep> steps;
    std::vector<model::SpaceFailure> failures;
  };
  [[nodiscard]] Result<ApplyReport> apply(const std::vector<SpaceRequest>& requests,
                                          const ApplyOptions& options);

 private:
  Engine(sys::WriterLock lock, store::Store store, model::Settings settings)
      : lock_(std::move(lock)), store_(std::move(store)), settings_(std::move(settings)) {}

  [[nodiscard]] Status make_ula();
  [[nodiscard]] Result<model::Desired> desired();
  [[nodiscard]] Result<const host::HostFacts*> facts();  ///< read once: an engine lives for one operation
  [[nodiscard]] std::pair<Ip, std::optional<Ip>> addresses(const model::Space& space) const;
  [[nodiscard]] Result<model::Space> find(const SpaceName& name);

  // Validation and the store's part of each operation; all of it inside one transaction.
  [[nodiscard]] Result<model::Space> insert(const SpaceRequest& request, forward::PortResolver& ports);
  [[nodiscard]] Status check_addresses(const model::Space& space);
  [[nodiscard]] Status store_removals(const Reconciliation& plan);
  [[nodiscard]] Status store_change(Change& change, forward::PortResolver& ports);
  [[nodiscard]] Result<std::vector<model::Space>> store_all(Reconciliation& plan);
  [[nodiscard]] Status store_forwards(const model::Space& space, const std::vector<model::Forward>& remove,
                                      const std::vector<model::Forward>& add);

  // The kernel's part.
  [[nodiscard]] Result<std::vector<Element>> elements_of(const std::vector<model::Space>& spaces);
  [[nodiscard]] Result<Preparation> prepare_host(const host::HostFacts& host);
  [[nodiscard]] Status change_table(const host::HostFacts& host, const std::vector<Element>& remove,
                                    const std::vector<Element>& add);
  [[nodiscard]] Result<std::vector<model::SpaceFailure>> carry_out(const Work& work,
                                                                   const model::Progress& progress = {},
                                                                   rooms::RoomSource* begun = nullptr);
  [[nodiscard]] Status clear_leaving(const model::Plan& plan);
  [[nodiscard]] Status build_coming(const model::Plan& plan, const host::HostFacts& host, UpReport& report,
                                    const model::Progress& progress);
  [[nodiscard]] Status execute(const model::Plan& plan, const host::HostFacts& host, UpReport& report,
                               const model::Progress& progress);
  [[nodiscard]] device::Devices devices() {
    return {kernel_, store_, settings_, said_, facts_ ? facts_->uplinks : std::vector<IfName>{}};
  }
  [[nodiscard]] Status check_device(const model::Space& space, const model::Device& device);
  [[nodiscard]] Status check_interface(const model::Space& space, const model::Device& device);
  [[nodiscard]] Status check_device_addresses(const model::Space& space, const model::Device& device);
  [[nodiscard]] Status store_device(const model::Space& space, const model::Device& device);
  [[nodiscard]] Status drop_devices(const model::Space& space);
  [[nodiscard]] Status drop_devices(const Work& work);
  void tell_of_device(hooks::Event event, const model::Space& space, const model::Device& device);
  void put_devices(const Work& work, const std::vector<model::SpaceFailure>& failures);
  void put_devices(const std::vector<model::DeviceChange>& changes,
                   const std::vector<model::SpaceFailure>& failures);
  void drop_devices(const std::vector<model::DeviceChange>& changes);
  [[nodiscard]] Status undo_device(const model::Space& space, const model::Device& device);
  [[nodiscard]] Result<Mac> mac_of(const model::Space& space, const model::Device& device);
  [[nodiscard]] Status forget_devices(const model::Space& space, const std::vector<model::Device>& gone);
  void move_device_failures(std::vector<model::SpaceFailure>& to);
  [[nodiscard]] Status store_devices(Change& change);
  [[nodiscard]] Status insert_devices(model::Space& space, const std::vector<model::Device>& devices);
  [[nodiscard]] Status forget_flows(const std::vector<netlink::FlowMatch>& matches);
  [[nodiscard]] Status leave_host();
  void mend_sections(UpReport& report);
  [[nodiscard]] Status vacate(const std::vector<model::Space>& spaces, bool force);
  [[nodiscard]] Status close_down(const std::vector<model::Space>& spaces, model::State state, bool force);
  [[nodiscard]] Status take_away(const std::vector<model::Space>& spaces);
  [[nodiscard]] Status set_states(const std::vector<model::Space>& spaces, model::State state);
  [[nodiscard]] Status forget(const std::vector<model::Space>& spaces);
  [[nodiscard]] Status leave_if_unused();
  [[nodiscard]] Result<model::Space> finish_add(model::Space space, rooms::RoomSource& room);
  /// Brings the spaces from the services that stood to those in the settings.
  [[nodiscard]] Status change_services(std::vector<model::Service> after, const model::Progress& progress);
  /// The UIDs that have no business in the host's namespace because of these members; none where that is off.
  [[nodiscard]] Result<std::vector<Element>> confined(const std::vector<model::Member>& members) const;
  [[nodiscard]] Result<std::vector<Element>> confined(const model::Space& space);
  /// Sets UIDs free that the store knows no reason any more to confine.
  [[nodiscard]] Status release(std::vector<Element> gone);
  [[nodiscard]] session::SessionIndex sessions() { return session::SessionIndex(store_, settings_.min_uid); }
  /// Commits; where that fails, sessions go where they went before.
  [[nodiscard]] Status commit_held(store::Transaction transaction);
  [[nodiscard]] Status sync_sessions(const std::vector<model::SpaceFailure>& failures);
  /// Once their work is done; those that failed lead nowhere still.
  [[nodiscard]] Status settle_sessions(const std::vector<model::Space>& spaces,
                                       const std::vector<model::SpaceFailure>& failures);

  // The operator's hooks; what they are told and when, apply/hooks.h says.
  /// pre-up of them all. Error: one is refused; then none of them comes up.
  [[nodiscard]] Status rise_all(const std::vector<model::Space>& spaces);
  /// rise_all() and empty_spaces(): all that may refuse what is asked, before any of it is written.
  [[nodiscard]] Status begin_moves(const std::vector<model::Space>& rising,
                                   const std::vector<model::Space>& falling, bool force);
  void end_rise(const std::vector<model::Space>& spaces, const std::vector<model::SpaceFailure>& failures);
  /// Of those that are up.
  void fall_all(const std::vector<model::Space>& spaces);
  void end_fall(const std::vector<model::Space>& spaces);
  /// pre-down, then vacate(): the operator's hooks may end what runs inside.
  [[nodiscard]] Status empty_spaces(const std::vector<model::Space>& spaces, bool force);
  /// Takes from the changes those spaces that come up anew and are refused by pre-up.
  [[nodiscard]] std::vector<model::SpaceFailure> refused_by_hooks(std::vector<model::SpaceChange>& changes);
  /// Runs what is owed to these spaces.
  void make_good(const std::vector<model::Space>& spaces, const std::vector<model::SpaceFailure>& failures);
  /// Lets go what is owed to others: an `add` may have crashed before it was written.
  void forget_notes(const std::vector<model::Space>& spaces);
  [[nodiscard]] Result<UpReport> bring_up(const std::vector<SpaceName>& names,
                                          const model::Progress& progress);

  sys::WriterLock lock_;
  store::Store store_;
  model::Settings settings_;
  Hooks hooks_;
  [[nodiscard]] Result<std::optional<SpaceName>> space_of_user(const UserName& user);

  host::Kernel kernel_;
  std::optional<host::HostFacts> facts_;
  std::vector<std::string> said_;
  std::vector<model::SpaceFailure> device_failures_;  ///< the space itself is whole
};

}  // namespace warren::engine
