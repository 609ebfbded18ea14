// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace warren::daemon {
namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

template <class T>
std::optional<T> number(const std::string& text) {
  T value{};
  const auto end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && rest == end ? std::optional(value) : std::nullopt;
}

bool meant_for_us(const std::string& pid) { return number<pid_t>(pid) == ::getpid(); }

}  // namespace

std::vector<Passed> passed_descriptors() {
  const auto pid = take_variable("LISTEN_PID");
  const auto count = number<int>(take_variable("LISTEN_FDS")).value_or(0);
  const auto names = take_variable("LISTEN_FDNAMES");
  std::vector<Passed> passed;
  if (!meant_for_us(pid) || count < 0 || count > 65536) return passed;
  std::size_t at = 0;
  for (int fd = kFirstPassed; fd < kFirstPassed + count; ++fd) {
    const auto end = std::min(names.find(':', at), names.size());
    std::string name = at <= names.size() ? names.substr(at, end - at) : "";
    at = end + 1;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    passed.push_back({std::move(name), UniqueFd(fd)});
  }
  return passed;
}

Supervisor Supervisor::from_environment() {
  Supervisor supervisor;
  supervisor.address_ = take_variable("NOTIFY_SOCKET");
  const auto pid = take_variable("WATCHDOG_PID");
  const auto usec = number<std::int64_t>(take_variable("WATCHDOG_USEC"));
  if (usec && *usec > 0 && (pid.empty() || meant_for_us(pid)))
    supervisor.watchdog_ = std::chrono::microseconds(*usec);
  return supervisor;
}

void Supervisor::tell(std::string_view state) const { (void)send(state, -1); }

void Supervisor::ready(std::string_view text) const { tell(fmt::format("READY=1\nSTATUS={}", text)); }

void Supervisor::reloading() const {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1000));
}

void Supervisor::stopping() const { tell("STOPPING=1"); }
void Supervisor::status(std::string_view text) const { tell(fmt::format("STATUS={}", text)); }

Status Supervisor::keep(std::string_view name, int fd) const {
  // FDPOLL=0: the other end of what is stored may be closed, and that is no reason to drop it.
  return send(fmt::format("FDSTORE=1\nFDPOLL=0\nFDNAME={}", name), fd);
}

void Supervisor::forget(std::string_view name) const {
  tell(fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name));
}

Status Supervisor::send(std::string_view state, int passed) const {
  if (address_.empty()) return {};
  sockaddr_un to{};
  if (address_.size() >= sizeof to.sun_path) return fail(Code::usage, "NOTIFY_SOCKET is too long");
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  if (address_[0] == '@') to.sun_path[0] = '\0';  // an abstract address
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fail_errno(errno, "make a socket");
  std::string text(state);
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (passed >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof passed);
    std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  }
  if (::sendmsg(fd.get(), &message, MSG_NOSIGNAL) < 0) return fail_errno(errno, "tell the service manager");
  return {};
}

}  // namespace warren::daemon
