// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

#include "base/place.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "types/names.h"

namespace warren::sys {

/// Which namespace it is, as long as it lives: the nsfs inode.
struct NetnsId {
  dev_t device = 0;
  ino_t inode = 0;
  auto operator<=>(const NetnsId&) const = default;
};

/// Makes the directory of the pins a shared mount, as ip-netns(8) does, so that a pin shows in every mount
/// namespace.
[[nodiscard]] Status prepare_pins(const Place& place);
/// Moves the calling thread into a new network namespace.
[[nodiscard]] Status unshare_netns();
/// Pins the namespace of the calling thread under the name. A stale plain file there is taken over.
[[nodiscard]] Status pin_current(const Place& place, const SpaceName& name);
/// Is that of the calling thread behind the path?
[[nodiscard]] bool is_own_netns(const std::string& path);
/// Pins the namespace of the calling thread, the host's, at a path of our own. Fine when that is done
/// already.
[[nodiscard]] Status pin_host(const std::string& path);
/// Takes the name away; what lives in the namespace lives on. One that is not there is fine.
[[nodiscard]] Status unpin(const Place& place, const SpaceName& name);
/// The names of all pins, whatever they are.
[[nodiscard]] Result<std::vector<std::string>> pinned_names(const Place& place);

/// The namespace behind a path. Error not_found: no such file, or a file that is no network namespace.
[[nodiscard]] Result<UniqueFd> open_netns(const std::string& path);
[[nodiscard]] Result<NetnsId> netns_id(int fd);
[[nodiscard]] Result<NetnsId> netns_id(const std::string& path);
/// The calling thread's own namespace.
[[nodiscard]] Result<UniqueFd> current_netns();
/// Moves the calling thread into the namespace, for good.
[[nodiscard]] Status enter_netns(int fd);

/// Holds the calling thread in a namespace until scope end. Ends the process if it cannot return: to go on
/// in the wrong namespace would be worse.
class NetnsGuard {
 public:
  [[nodiscard]] static Result<NetnsGuard> enter(int fd);
  NetnsGuard(NetnsGuard&&) noexcept = default;
  NetnsGuard& operator=(NetnsGuard&&) = delete;
  ~NetnsGuard();

 private:
  explicit NetnsGuard(UniqueFd home) : home_(std::move(home)) {}
  UniqueFd home_;
};

}  // namespace warren::sys
