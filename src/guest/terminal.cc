// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/terminal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/mounts.h"

namespace warren::guest {
namespace {

constexpr std::array kStreams{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

}  // namespace
bool at_terminal() { return std::ranges::any_of(kStreams, is_terminal); }

Keys keys_of(bool boot) {
  if (!is_terminal(STDIN_FILENO)) return Keys::not_ours;
  return boot || is_terminal(STDOUT_FILENO) ? Keys::at_once : Keys::when_read;
}

int screen() {
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
    if (is_terminal(fd)) return fd;
  return STDIN_FILENO;
}

void copy_size(int master) {
  winsize size{};
  if (::ioctl(screen(), TIOCGWINSZ, &size) == 0) ::ioctl(master, TIOCSWINSZ, &size);
}

Result<Terminal> open_terminal(int devpts) {
  Terminal terminal;
  terminal.master = UniqueFd(::openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  int unlock = 0;
  if (!terminal.master.valid() || ::ioctl(terminal.master.get(), TIOCSPTLCK, &unlock) != 0)
    return fail_errno(errno, "make a terminal");
  terminal.slave = UniqueFd(::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.slave.valid()) return fail_errno(errno, "open the terminal");
  copy_size(terminal.master.get());
  return terminal;
}

Status provide_console(int master) {
  unsigned number = 0;
  if (::ioctl(master, TIOCGPTN, &number) != 0) return fail_errno(errno, "name the terminal");
  const auto terminal = TRY(sys::copy_mount(fmt::format("/dev/pts/{}", number), false));
  const UniqueFd node(::open("/dev/console", O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!node.valid()) return fail_errno(errno, "make /dev/console");
  TRY_WRAP("mount /dev/console", sys::attach(terminal.get(), node.get()));
  return {};
}

Status take_terminal(int slave) {
  if (::ioctl(slave, TIOCSCTTY, 0) != 0) return fail_errno(errno, "take the terminal");
  return {};
}

Status use_terminal(int slave) {
  for (const int fd : kStreams)
    if (is_terminal(fd) && !sys::put_at(slave, fd)) return fail_errno(errno, "use the terminal");
  return {};
}

Status send_fd(int socket, int fd) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) != 1) return fail_errno(errno, "pass the terminal on");
  return {};
}

Result<UniqueFd> receive_fd(int socket) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
    return fail(Code::failed, "the guest ended before it had a terminal");
  const auto* header = CMSG_FIRSTHDR(&message);
  if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int)))
    return fail(Code::failed, "the guest has sent no terminal");
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return UniqueFd(fd);
}

}  // namespace warren::guest
