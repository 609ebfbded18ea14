// SPDX-License-Identifier: GPL-2.0-or-later
// What the processes of one guest share, for the .cc files of this folder. They are four: `warren run` itself
// outside, a stage that lives for a moment to cross into the user namespace, PID 1 inside, and the command.
// Where the command is PID 1 itself, a keeper stands between `warren run` and the others.
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "guest/cgroup.h"
#include "guest/identity.h"
#include "guest/request.h"

namespace warren::guest {

/// What is shown of the host.
struct Laid {
  UniqueFd mount;  ///< detached
  std::string to;
  bool own_etc = false;  ///< out of the space's /etc/netns/NAME, not a bind that was asked for
};

struct Plan {
  const Request& request;
  bool root = true;         ///< is the caller root on the host?
  bool terminal = false;    ///< the guest gets one of its own
  bool keys_asked = false;  ///< whose keys are its only once it reads them
  std::string directory{};  ///< that the caller stands in
  Cgroup cgroup{};          ///< of a guest that boots
  sigset_t signals{};       ///< the caller's mask
  pid_t guest = 0;          ///< to the one that waits for it: PID 1 of the guest, or its keeper

  UniqueFd userns{};
  UniqueFd tree{};                         ///< of --rootfs, detached
  std::vector<Laid> laid{};                ///< over the tree, in this order
  UniqueFd sys{};                          ///< /sys of the space, detached
  UniqueFd devpts{};                       ///< the guest's own
  UniqueFd outer{};                        ///< a pidfd of `warren run`
  UniqueFd report_in{}, report{};          ///< an error before the command runs; closed by its start
  UniqueFd terminal_in{}, terminal_out{};  ///< the socket by which the guest's terminal comes out

  explicit Plan(const Request& asked) : request(asked) {}
};

/// All that is prepared on the host. The calling process moves into the space's network namespace.
[[nodiscard]] Status prepare(Plan& plan);
/// Opens, as whoever calls, what the guest shows of the host: the tree, the space's own files of /etc, the
/// binds.
[[nodiscard]] Status open_sources(Plan& plan);

/// Starts PID 1 of the guest as a child of the calling process, and sets plan.guest.
[[nodiscard]] Status start_stage(Plan& plan);
/// The same by a keeper, which is then plan.guest.
[[nodiscard]] Status start_keeper(Plan& plan);
/// From now on the calling process ends when `warren run` does, whatever ends that, and nobody looks into it.
[[nodiscard]] Status depend_on(const Plan& plan);
/// Takes over, in its own mount namespace, what the stage has mounted where it stands.
[[nodiscard]] Status take_sources(Plan& plan);
/// The guest's PID 1, in its new namespaces. Never returns.
[[noreturn]] void run_inside(Plan& plan);

/// Makes the mount namespace of the guest: its tree, /proc, /sys, /dev, the binds.
[[nodiscard]] Status furnish_tree(Plan& plan);

/// Tells `warren run` that all is read which is the tenant's: the rest takes no time.
void report_settled(const Plan& plan);
/// Tells it why there is no guest.
void report(const Plan& plan, const Error& error);
/// What was told, once the command runs or everybody has ended.
[[nodiscard]] std::optional<Error> reported(Plan& plan);

/// PID 1: reaps, passes signals on to the command, ends with it; asks for keys once it reads from the
/// terminal.
[[noreturn]] void serve_as_init(const Plan& plan, pid_t command, int terminal);
/// Turns into the command.
[[noreturn]] void run_command(Plan& plan, const Identity& identity, UniqueFd terminal);

/// `warren run` itself, until the guest has ended: passes signals, and what the terminal says. Gives the
/// guest's exit status.
[[nodiscard]] Result<int> attend(Plan& plan);

}  // namespace warren::guest
