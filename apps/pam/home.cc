// SPDX-License-Identifier: GPL-2.0-or-later
#include "home.h"

#include <cstdlib>
#include <fcntl.h>
#include <new>
#include <sys/stat.h>

namespace warren::pam {
namespace {

constexpr char kKey[] = "pam_warren_home";

void release(pam_handle_t*, void* data, int) {
  auto* home = static_cast<Home*>(data);
  if (!home) return;
  home->~Home();
  std::free(home);  // not new and delete: those bring the C++ runtime into the login process
}

}  // namespace

int KeptFd::get() const {
  struct stat now {};
  const bool same = fd_ >= 0 && ::fstat(fd_, &now) == 0 && now.st_dev == device_ && now.st_ino == inode_;
  return same ? fd_ : -1;
}

void KeptFd::keep(UniqueFd fd) {
  struct stat now {};
  if (!fd.valid() || ::fstat(fd.get(), &now) != 0) return;
  drop();
  device_ = now.st_dev;
  inode_ = now.st_ino;
  fd_ = ::fcntl(fd.get(), F_DUPFD_CLOEXEC,
                3);  // never one of the standard three, should the caller have closed those
}

void KeptFd::drop() {
  const UniqueFd ours(get());
  fd_ = -1;
}

Home* find_home(pam_handle_t* pamh) {
  const void* data = nullptr;
  if (pam_get_data(pamh, kKey, &data) != PAM_SUCCESS) return nullptr;
  return static_cast<Home*>(const_cast<void*>(data));
}

Home* make_home(pam_handle_t* pamh) {
  if (auto* home = find_home(pamh)) return home;
  void* const room = std::malloc(sizeof(Home));
  if (!room) return nullptr;
  auto* home = new (room) Home;
  if (pam_set_data(pamh, kKey, home, release) == PAM_SUCCESS) return home;
  release(pamh, home, 0);
  return nullptr;
}

void forget_home(pam_handle_t* pamh) { pam_set_data(pamh, kKey, nullptr, nullptr); }

}  // namespace warren::pam
