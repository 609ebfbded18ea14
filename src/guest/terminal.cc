// SPDX-License-Identifier: GPL-2.0-or-later
#include "guest/terminal.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace warren::guest {
namespace {

/// All of it, however long the reader takes. False: nobody reads any more.
bool write_all(int to, const char* data, std::size_t size) {
  while (size > 0) {
    const auto done = ::write(to, data, size);
    if (done < 0 && errno == EAGAIN) {
      pollfd wait{to, POLLOUT, 0};
      ::poll(&wait, 1, -1);
    } else if (done < 0 && errno != EINTR) {
      return false;
    }
    if (done > 0) data += done, size -= static_cast<std::size_t>(done);
  }
  return true;
}

/// One read's worth. False: there is no more to come, or nowhere to put it.
bool copy_some(int from, int to) {
  std::array<char, 4096> part{};
  const auto size = ::read(from, part.data(), part.size());
  if (size < 0) return errno == EINTR || errno == EAGAIN;
  return size > 0 && write_all(to, part.data(), static_cast<std::size_t>(size));
}

}  // namespace

bool at_terminal() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

Result<Terminal> open_terminal(int devpts) {
  Terminal terminal;
  terminal.master = UniqueFd(::openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
  int unlock = 0;
  if (!terminal.master.valid() || ::ioctl(terminal.master.get(), TIOCSPTLCK, &unlock) != 0)
    return fail_errno(errno, "make a terminal");
  terminal.slave = UniqueFd(::ioctl(terminal.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal.slave.valid()) return fail_errno(errno, "open the terminal");
  return terminal;
}

Status adopt_terminal(int slave) {
  if (::ioctl(slave, TIOCSCTTY, 0) != 0) return fail_errno(errno, "take the terminal");
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::dup2(slave, fd) < 0) return fail_errno(errno, "use the terminal");
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

void copy_size(int master) {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(master, TIOCSWINSZ, &size);
}

bool relay(int master, int signals, bool& input_open) {
  std::array<pollfd, 3> ready{pollfd{master, POLLIN, 0}, pollfd{signals, POLLIN, 0},
                              pollfd{input_open ? STDIN_FILENO : -1, POLLIN, 0}};
  while (::poll(ready.data(), ready.size(), -1) < 0 && errno == EINTR) continue;
  if (ready[2].revents != 0) input_open = copy_some(STDIN_FILENO, master);
  if (ready[0].revents != 0) return copy_some(master, STDOUT_FILENO);
  return true;
}

void drain(int master) {
  pollfd ready{master, POLLIN, 0};
  while (::poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN) != 0)
    if (!copy_some(master, STDOUT_FILENO)) return;
}

RawTerminal::RawTerminal() {
  termios now{};
  if (::tcgetattr(STDIN_FILENO, &now) != 0) return;
  before_ = now;
  ::cfmakeraw(&now);
  (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &now);
}

RawTerminal::~RawTerminal() {
  if (before_) (void)::tcsetattr(STDIN_FILENO, TCSADRAIN, &*before_);
}

}  // namespace warren::guest
