// SPDX-License-Identifier: GPL-2.0-or-later
#include "place.h"

#include <cerrno>
#include <cstring>
#include <security/pam_ext.h>
#include <syslog.h>

#include "home.h"
#include "netns.h"
#include "private_etc.h"

namespace warren::pam {
namespace {

void leave_etc(pam_handle_t* pamh, const Home& home) {
  const int fd = home.mounts.get();
  if (fd < 0 || return_to_mounts(fd) || errno == EPERM) return;
  pam_syslog(pamh, LOG_WARNING, "cannot go back to the former mount namespace: %s", std::strerror(errno));
}

bool enter(const UniqueFd& ns, UniqueFd current, KeptFd& home, Reason& reason) {
  if (!enter_netns(ns.get()))
    return reason.fail("cannot enter the network namespace: %s", std::strerror(errno));
  if (!home.holds()) home.keep(std::move(current));
  return true;
}

}  // namespace

Placed place(pam_handle_t* pamh, const UniqueFd& ns, const char* space, const Options& options,
             Reason& reason) {
  auto current = current_netns();
  if (!current.valid()) {
    reason.fail("cannot tell the present network namespace: %s", std::strerror(errno));
    return Placed::failed;
  }
  const bool there = same_file(current.get(), ns.get());
  if (there && !options.private_etc) return Placed::there_already;
  Home* const home = make_home(pamh);
  if (!home) {
    reason.fail("no memory");
    return Placed::failed;
  }
  const bool etc = !options.private_etc || enter_etc(pamh, space, home->mounts, reason);
  if (etc && there) return Placed::there_already;
  if (etc && enter(ns, std::move(current), home->net, reason)) return Placed::moved;
  leave_etc(pamh, *home);
  return Placed::failed;
}

void put_back(pam_handle_t* pamh) {
  const Home* const home = find_home(pamh);
  if (!home) return;
  const int net = home->net.get();
  if (net >= 0 && !enter_netns(net) && errno != EPERM)
    pam_syslog(pamh, LOG_WARNING, "cannot go back to the former network namespace: %s", std::strerror(errno));
  leave_etc(pamh, *home);
  forget_home(pamh);
}

}  // namespace warren::pam
