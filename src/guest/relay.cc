// SPDX-License-Identifier: GPL-2.0-or-later
// No end may hold up the other: a guest that does not read what is typed is still seen, and can be ended; so
// can one whose output nobody reads.
#include "guest/relay.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "guest/terminal.h"

namespace warren::guest {
namespace {

constexpr char kEscape = 0x1d;  // ^]

/// The terminal behind one of our descriptors, as a file of our own: that one is shared with the caller's
/// shell, who would not expect it to become one that never waits.
UniqueFd own_file(int fd) {
  UniqueFd own(
      ::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  return own.valid() ? std::move(own) : UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

bool later(ssize_t result) { return result < 0 && (errno == EAGAIN || errno == EINTR); }

}  // namespace

// What was written waits in the terminal's driver; to wait for that here would be without end where nobody
// reads.
RawTerminal::RawTerminal(int terminal) : terminal_(terminal) {
  termios now{};
  if (::tcgetattr(terminal_, &now) != 0) return;
  before_ = now;
  ::cfmakeraw(&now);
  (void)::tcsetattr(terminal_, TCSANOW, &now);
}

RawTerminal::~RawTerminal() {
  if (before_) (void)::tcsetattr(terminal_, TCSANOW, &*before_);
}

std::optional<std::string_view> Passage::take(int from) {
  std::array<char, 4096> part{};
  const auto size = ::read(from, part.data(), part.size());
  if (later(size)) return std::string_view();
  if (size <= 0) return std::nullopt;
  text_.append(part.data(), static_cast<std::size_t>(size));
  return std::string_view(text_).substr(text_.size() - static_cast<std::size_t>(size));
}

bool Passage::give(int to) {
  const auto done = ::write(to, text_.data(), std::min<std::size_t>(text_.size(), 4096));
  if (done > 0) text_.erase(0, static_cast<std::size_t>(done));
  return done >= 0 || later(done);
}

void Escape::typed(std::string_view keys) {
  const auto now = std::chrono::steady_clock::now();
  for (const char key : keys) {
    if (key != kEscape) {
      presses_.clear();
      continue;
    }
    presses_.push_back(now);
    if (presses_.size() > 3) presses_.pop_front();
    done_ = done_ || (presses_.size() == 3 && now - presses_.front() < std::chrono::seconds(1));
  }
}

Result<Relay> Relay::open(UniqueFd master) {
  UniqueFd slave(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave.valid()) return fail_errno(errno, "open the guest's terminal");
  if (::fcntl(master.get(), F_SETFL, O_NONBLOCK) != 0) return fail_errno(errno, "use the guest's terminal");
  return Relay(std::move(master), std::move(slave));
}

Relay::Relay(UniqueFd master, UniqueFd slave)
    : master_(std::move(master)), slave_(std::move(slave)), screen_(own_file(screen())) {}

void Relay::begin_keys() {
  if (raw_) return;
  keyboard_ = own_file(STDIN_FILENO);
  raw_ = std::make_unique<RawTerminal>(STDIN_FILENO);
  keys_ = keyboard_.valid();
}

void Relay::copy_size() const { guest::copy_size(master_.get()); }

void Relay::read_keys() {
  const auto keys = in_.take(keyboard_.get());
  keys_ = keys.has_value();
  if (keys) escape_.typed(*keys);
}

void Relay::hear_asked() {
  char byte = 0;
  const bool wanted = ::read(asked_.get(), &byte, 1) == 1;
  asked_.reset();
  if (wanted) begin_keys();
}

void Relay::show() {
  if (!out_.give(screen_.get())) screen_.reset(), out_.clear();
}

void Relay::round(int wake) {
  const auto watched = [](const UniqueFd& fd, bool read, bool write) {
    return pollfd{read || write ? fd.get() : -1,
                  static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0};
  };
  std::array<pollfd, 5> ready{watched(master_, !out_.full(), !in_.empty()),
                              watched(keyboard_, keys_ && !in_.full(), false),
                              watched(screen_, false, !out_.empty()), pollfd{wake, POLLIN, 0},
                              watched(asked_, asked_.valid(), false)};
  if (::poll(ready.data(), ready.size(), -1) < 0) return;
  if ((ready[0].revents & POLLIN) != 0 && out_.take(master_.get()) && !screen_.valid()) out_.clear();
  if (ready[1].revents != 0) read_keys();
  if (ready[2].revents != 0) show();
  if (ready[4].revents != 0) hear_asked();
  if ((ready[0].revents & POLLOUT) != 0 && !in_.give(master_.get())) in_.clear();
}

bool Relay::pending() {
  if (out_.empty()) (void)out_.take(master_.get());
  return screen_.valid() && !out_.empty();
}

}  // namespace warren::guest
