// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/loop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <limits>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utility>

#include "proxy/datagrams.h"
#include "proxy/streams.h"

namespace warren::proxy {
namespace {

constexpr std::size_t kEventsAtOnce = 256;

Instant clock_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<Instant>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

Port port_of(int fd) {
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  if (::getsockname(fd, static_cast<sockaddr*>(static_cast<void*>(&own)), &size) != 0) return 0;
  return Address::from(own).port();
}

}  // namespace

Result<std::unique_ptr<Loop>> Loop::make(const Limits& limits) {
  auto core = std::make_unique<Core>(limits, TRY(Poller::open()));
  UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wake.valid()) return fail_errno(errno, "make an eventfd");
  TRY(core->poller.add(wake.get(), EPOLLIN, {}));
  core->now = clock_now();
  return std::unique_ptr<Loop>(new Loop(std::move(core), std::move(wake)));
}

Loop::Loop(std::unique_ptr<Core> core, UniqueFd wake)
    : core_(std::move(core)),
      streams_(std::make_unique<Streams>(*core_)),
      datagrams_(std::make_unique<Datagrams>(*core_)),
      wake_(std::move(wake)) {}

Loop::~Loop() = default;

// ---- running ----------------------------------------------------------------------------------------------

void Loop::post(Job job) {
  {
    const std::lock_guard hold(mutex_);
    jobs_.push_back(std::move(job));
  }
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);  // full means that it is awake already
}

void Loop::stop() {
  stopping_ = true;
  post([] {});
}

void Loop::run() {
  // splice(2) has no MSG_NOSIGNAL: who writes to a socket whose peer has gone would be ended.
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
  while (!stopping_) turn();
}

int Loop::patience() const {
  if (streams_->unfinished()) return 0;
  constexpr auto kNever = std::numeric_limits<Instant>::max();
  Instant until = datagrams_->earliest(streams_->earliest(kNever));
  if (!core_->paused.empty()) until = std::min(until, core_->resume_at);
  if (until == kNever) return -1;
  return static_cast<int>(std::clamp<Instant>(until - clock_now(), 0, 3'600'000));
}

void Loop::turn() {
  std::array<epoll_event, kEventsAtOnce> room;
  const auto events = core_->poller.wait(room, patience());
  core_->now = clock_now();
  bool woken = false;
  for (const auto& event : events) {
    const auto tag = Tag::unpack(event.data.u64);
    if (tag.source == Source::wake) {
      woken = true;  // jobs may remove what other events of this batch are for: they come last
    } else if (tag.source == Source::flow) {
      datagrams_->event(tag);
    } else if (tag.source != Source::listener) {
      streams_->event(tag, event.events);
    } else if (core_->listeners.holds(tag.index, tag.generation)) {
      if (core_->listeners[tag.index].proto == Proto::udp)
        datagrams_->receive(tag.index);
      else
        streams_->accept(tag.index);
    }
  }
  streams_->go_on();
  streams_->expire();
  datagrams_->expire();
  core_->resume_paused();
  if (woken) run_jobs();
}

void Loop::run_jobs() {
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof count);
  std::vector<Job> jobs;
  {
    const std::lock_guard hold(mutex_);
    jobs.swap(jobs_);
  }
  for (auto& job : jobs) job();
}

// ---- what it serves ---------------------------------------------------------------------------------------

TargetId Loop::add_target(std::vector<Address> addresses) {
  const auto index = core_->targets.take();
  core_->targets[index].addresses = std::move(addresses);
  return TargetId{index};
}

void Loop::set_target(TargetId target, std::vector<Address> addresses) {
  core_->targets[std::to_underlying(target)].addresses = std::move(addresses);
}

void Loop::remove_target(TargetId target) { core_->targets.give(std::to_underlying(target)); }

SpaceId Loop::add_space(std::string name) {
  const auto index = core_->spaces.take();
  core_->spaces[index].name = std::move(name);
  return SpaceId{index};
}

void Loop::remove_space(SpaceId space) {
  std::vector<ListenerId> mine;
  core_->listeners.for_each([&](std::uint32_t index) {
    if (core_->listeners[index].space == std::to_underlying(space)) mine.push_back(ListenerId{index});
  });
  remove_listeners(mine);
  core_->spaces.give(std::to_underlying(space));
}

Result<ListenerId> Loop::add_listener(UniqueFd fd, const ListenerSpec& spec) {
  const auto index = core_->listeners.take();
  auto& listener = core_->listeners[index];
  listener.port = port_of(fd.get());
  listener.fd = std::move(fd);
  listener.space = std::to_underlying(spec.space);
  listener.target = std::to_underlying(spec.target);
  listener.proto = spec.proto;
  listener.header = spec.header;
  listener.source = spec.source;
  if (spec.proto == Proto::tcp) bound_buffers(listener.fd.get());  // clients are on this host, in the space
  const Tag tag{Source::listener, core_->listeners.generation(index), index};
  auto watched = core_->poller.add(listener.fd.get(), EPOLLIN, tag);
  if (!watched) {
    core_->listeners.give(index);
    return std::unexpected(std::move(watched).error());
  }
  return ListenerId{index};
}

void Loop::remove_listeners(const std::vector<ListenerId>& listeners) {
  if (listeners.empty()) return;
  for (const auto id : listeners) {
    auto& fd = core_->listeners[std::to_underlying(id)].fd;
    core_->poller.remove(fd.get());  // another process may hold the socket: closing is not enough
    fd.reset();
  }
  streams_->end_orphans();
  datagrams_->end_orphans();
  for (const auto id : listeners) {
    const auto index = std::to_underlying(id);
    core_->retired += core_->listeners[index].counters;
    core_->listeners.give(index);
  }
}

void Loop::stop_accepting(bool close) { core_->stop_accepting(close); }

// ---- what it says -----------------------------------------------------------------------------------------

std::size_t Loop::connections() const { return streams_->size(); }

std::vector<ListenerState> Loop::listeners() const {
  std::vector<ListenerState> states;
  states.reserve(core_->listeners.size());
  core_->listeners.for_each([&](std::uint32_t index) {
    const auto& listener = core_->listeners[index];
    states.push_back({ListenerId{index}, listener.fd.get(), listener.counters});
  });
  return states;
}

Counters Loop::retired() const { return core_->retired; }
std::uint64_t Loop::pauses() const { return core_->pauses; }

}  // namespace warren::proxy
