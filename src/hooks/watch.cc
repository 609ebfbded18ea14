// SPDX-License-Identifier: GPL-2.0-or-later
#include "hooks/watch.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "sys/child.h"

namespace warren::hooks {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestLine = 1000;
constexpr int kMostLines = 1000;    // that are logged
constexpr int kMostLeftovers = 16;  // reads after its end: what a pipe holds
constexpr std::size_t kPart = 4096;

/// One of its streams, taken apart into lines.
class Lines {
 public:
  Lines(UniqueFd fd, const std::string& name) : fd_(std::move(fd)), name_(name) {}

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& last() const { return last_; }
  /// Reads once. False: nothing is there, now or any more.
  bool read() {
    std::array<char, kPart> part;
    const auto size = fd_.valid() ? ::read(fd_.get(), part.data(), part.size()) : 0;
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (size <= 0) {
      fd_.reset();
      return false;
    }
    for (const char c : std::string_view(part.data(), static_cast<std::size_t>(size))) take(c);
    return true;
  }
  /// The stream has ended: the last line may have no newline.
  void finish() {
    for (int i = 0; i < kMostLeftovers && read(); ++i) {
    }
    if (!line_.empty()) end_line();
  }

 private:
  void take(char c) {
    if (c != '\n') line_ += c;
    if (c == '\n' || line_.size() >= kLongestLine) end_line();
  }
  void end_line() {
    if (!line_.empty()) last_ = printable(line_);
    if (++count_ <= kMostLines) note(fmt::format("hook {}: {}", name_, printable(line_)));
    if (count_ == kMostLines) note(fmt::format("hook {}: (what else it says is left out)", name_));
    line_.clear();
  }

  UniqueFd fd_;
  const std::string& name_;
  std::string line_;
  std::string last_;
  int count_ = 0;
};

/// Has it ended before the time was up?
bool await(const UniqueFd& process, Lines& out, Lines& err, Clock::time_point end) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
    std::array<pollfd, 3> fds{{{process.get(), POLLIN, 0}, {out.fd(), POLLIN, 0}, {err.fd(), POLLIN, 0}}};
    (void)::poll(fds.data(), fds.size(), static_cast<int>(std::max<long>(left, 0)));
    if (fds[1].revents != 0) (void)out.read();
    if (fds[2].revents != 0) (void)err.read();
    if (fds[0].revents != 0) return true;
    if (Clock::now() >= end) return false;
  }
}

/// Its number is its own until it has been waited for, so this ends nobody else. Nothing: it does not end.
std::optional<int> end_group(pid_t pid) {
  ::kill(-pid, SIGKILL);
  return sys::end_child(pid);
}

std::string how_it_ended(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  return fmt::format("ended by signal {} ({})", WTERMSIG(status), ::sigdescr_np(WTERMSIG(status)));
}

}  // namespace

Status watch(Running running, const std::string& name, std::chrono::seconds timeout) {
  const auto shown = printable(name);
  Lines out(std::move(running.out), shown);
  Lines err(std::move(running.err), shown);
  const bool in_time = await(running.process, out, err, Clock::now() + timeout);
  const auto status = end_group(running.pid);
  out.finish();
  err.finish();
  if (in_time && status == 0) return {};
  auto how = in_time && status ? how_it_ended(*status)
             : status          ? fmt::format("not done within {} s, and ended", timeout.count())
                               : fmt::format(
                                     "not done within {} s, and process {} does not end even when killed: see "
                                              "what it waits for",
                                     timeout.count(), running.pid);
  if (!err.last().empty()) how += ": " + err.last();
  return fail(Code::failed, std::move(how));
}

}  // namespace warren::hooks
