// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace warren {

/// Where warren keeps everything, and where it finds what others keep for it. Made once, by main(), and
/// handed on to whoever opens a file: two engines with two places, each on a network namespace of its own,
/// know nothing of each other.
///
/// Two programs have these paths as constants of their own, since they are built without the rest:
/// pam_warren, which a login waits for, and dhcp-hook, which a DHCP client calls. They serve the host's place
/// alone.
struct Place {
  std::string run;    ///< what is forgotten at a reboot: locks, notes, the sessions' links
  std::string netns;  ///< the pins of namespaces; the host's is the directory of ip-netns(8) too
  std::string store;  ///< the file of the desired state
  std::string etc;    ///< warren/, netns/NAME/, subuid and subgid
  /// warren is root of a user namespace of its own and not of the machine: the machine's IDs are not its to
  /// give, so every network namespace belongs to that user namespace.
  bool own_userns = false;

  [[nodiscard]] static Place of_host() {
    return {"/run/warren", "/run/netns", "/var/lib/warren/warren.db", "/etc", false};
  }
  /// Everything below one directory, which need not be there yet: for tests.
  [[nodiscard]] static Place below(const std::string& directory) {
    return {directory + "/run", directory + "/netns", directory + "/lib/warren.db", directory + "/etc",
            false};
  }

  [[nodiscard]] std::string in_run(std::string_view name) const { return join(run, name); }
  [[nodiscard]] std::string in_etc(std::string_view name) const { return join(etc, name); }
  /// Where the namespace of the space of this name is pinned.
  [[nodiscard]] std::string pin(std::string_view space) const { return join(netns, space); }
  /// Where warren.toml and the operator's hooks are.
  [[nodiscard]] std::string config() const { return in_etc("warren"); }
  /// Where the space's own files of /etc are, as ip-netns(8) has it.
  [[nodiscard]] std::string etc_of(std::string_view space) const { return join(in_etc("netns"), space); }

 private:
  [[nodiscard]] static std::string join(std::string_view folder, std::string_view name) {
    std::string path(folder);
    path += '/';
    return path += name;
  }
};

}  // namespace warren
