// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "base/json.h"
#include "daemon/journal.h"
#include "sys/file.h"

namespace warren::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 10s;
constexpr auto kSettle = 100ms;    ///< of silence, before faults are looked for
constexpr auto kAtLatest = 400ms;  ///< however long the noise goes on
constexpr const char* kStored = "listeners";
constexpr rlim_t kDescriptors = 1 << 20;

void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit more{kDescriptors, std::max(limit.rlim_max, kDescriptors)};
  if (::setrlimit(RLIMIT_NOFILE, &more) == 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

Result<UniqueFd> take_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);  // of this thread, and those that it will start
  UniqueFd fd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "make a signalfd");
  return fd;
}

}  // namespace

// ---- starting ---------------------------------------------------------------------------------------------

Daemon::Daemon(Options options) : options_(std::move(options)), reader_(options_.place, options_.config) {}

Result<std::unique_ptr<Daemon>> Daemon::start(Options options) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(options)));
  daemon->supervisor_ = Supervisor::from_environment();
  auto passed = passed_descriptors();
  TRY(sys::make_directories(daemon->place().run));
  TRY(daemon->take_lock());
  raise_descriptor_limit();
  TRY(daemon->reader_.reload());
  daemon->signals_ = TRY(take_signals());
  TRY(daemon->watch_files());
  TRY(daemon->open_control(passed));
  daemon->loop_ = TRY(proxy::Loop::make(daemon->options_.limits));
  daemon->resolver_ = std::make_unique<Resolver>();
  daemon->roster_ = std::make_unique<Roster>(daemon->place(), *daemon->loop_, *daemon->resolver_);
  daemon->take_listeners(passed);
  if (daemon->options_.repair) {
    daemon->watcher_ = TRY(Watcher::open(daemon->place()));
    daemon->mender_ = std::make_unique<Mender>(daemon->place(), daemon->options_.config);
  }
  daemon->proxy_thread_ = std::jthread([&loop = *daemon->loop_] { loop.run(); });
  daemon->since_ = timestamp();
  return daemon;
}

Daemon::~Daemon() {
  if (loop_) loop_->stop();
}

Status Daemon::take_lock() {
  const auto path = place().in_run("warrend.lock");
  lock_ = TRY(sys::open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK) return fail(Code::exists, "another warrend is running already");
  return fail_errno(errno, "lock " + path);
}

/// The writers' lock, which is closed whenever one has finished, and the names of the namespaces.
Status Daemon::watch_files() {
  const auto lock = place().in_run("lock");
  TRY(sys::open_file(lock, O_RDONLY | O_CREAT | O_NOFOLLOW, 0600));
  TRY(sys::make_directories(place().netns));
  files_ = UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  lock_watch_ = ::inotify_add_watch(files_.get(), lock.c_str(), IN_CLOSE_WRITE);
  pins_watch_ = ::inotify_add_watch(files_.get(), place().netns.c_str(), IN_DELETE | IN_MOVED_FROM);
  if (lock_watch_ < 0 || pins_watch_ < 0) return fail_errno(errno, "watch " + lock + " and " + place().netns);
  return {};
}

Status Daemon::open_control(std::vector<Passed>& passed) {
  const auto found = std::ranges::find_if(
      passed, [](const Passed& one) { return one.name == "control" || one.name == "warrend.socket"; });
  if (found == passed.end()) {
    control_ = TRY(Control::listen(place().in_run("warrend.sock")));
    return {};
  }
  ::fcntl(found->fd.get(), F_SETFL, O_NONBLOCK);
  control_.emplace(std::move(found->fd));
  return {};
}

void Daemon::take_listeners(std::vector<Passed>& passed) {
  std::vector<Opened> listeners;
  for (const auto& one : passed)
    if (one.name == kStored && one.fd.valid())
      std::ranges::move(unpack(one.fd.get()), std::back_inserter(listeners));
  if (!listeners.empty()) say(Level::info, fmt::format("took {} listeners over", listeners.size()));
  roster_->inherit(std::move(listeners));
}

// ---- running ----------------------------------------------------------------------------------------------

Status Daemon::run() {
  if (const auto read = reader_.read(); !read) return std::unexpected(read.error());
  sync();
  supervisor_.forget(kStored);  // in our hands again
  supervisor_.ready(summary());
  say(Level::info, summary());
  next_tick_ = Clock::now();
  if (supervisor_.watchdog()) next_ping_ = Clock::now();
  while (!stopping_) wait();
  stop();
  return {};
}

int Daemon::patience() const {
  auto until = control_->earliest(std::min(next_tick_, next_ping_));
  if (look_at_) until = std::min(until, *look_at_);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
}

void Daemon::wait() {
  std::vector<pollfd> fds{
      {signals_.get(), POLLIN, 0}, {files_.get(), POLLIN, 0}, {resolver_->fd(), POLLIN, 0}};
  if (watcher_) {
    fds.push_back({mender_->fd(), POLLIN, 0});
    fds.push_back({watcher_->route_fd(), POLLIN, 0});
    fds.push_back({watcher_->netfilter_fd(), POLLIN, 0});
  }
  control_->watch(fds);
  ::poll(fds.data(), fds.size(), patience());
  if (fds[0].revents) read_signals();
  if (fds[1].revents) read_files();
  if (fds[2].revents)
    for (const auto& answer : resolver_->answers()) roster_->resolved(answer);
  if (watcher_) {
    if (fds[3].revents) repaired();
    if (fds[4].revents) watcher_->read_route();
    if (fds[5].revents) watcher_->read_netfilter();
    if (fds[4].revents || fds[5].revents) hint();
    look_for_faults();
  }
  control_->handle([this](std::string_view request) { return answer(request); });
  const auto now = Clock::now();
  if (now >= next_tick_) tick();
  if (now >= next_ping_) ping_loop();
}

void Daemon::read_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGHUP)
      reload();
    else
      stopping_ = true;
  }
}

void Daemon::read_files() {
  alignas(inotify_event) std::array<char, 8192> buffer;
  bool pin_gone = false;
  for (ssize_t size = 0; (size = ::read(files_.get(), buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::copy_n(buffer.data() + at, sizeof event, static_cast<char*>(static_cast<void*>(&event)));
      const char* name = buffer.data() + at + sizeof event;
      at += static_cast<ssize_t>(sizeof event + event.len);
      if ((event.mask & IN_Q_OVERFLOW) != 0) {  // of no watch
        pin_gone = true;
        if (watcher_) watcher_->lost_names();
      }
      if (event.wd != pins_watch_) continue;
      pin_gone = true;
      if (watcher_ && event.len > 0) watcher_->lost_pin(name);
    }
  }
  if (pin_gone) hint();
  const auto changed = reader_.read();
  if (!changed) say(Level::error, changed.error().what);
  if ((changed && *changed) || (pin_gone && roster_->stale()) || roster_->incomplete()) sync();
}

void Daemon::reload() {
  supervisor_.reloading();
  if (const auto read = reader_.reload(); !read) say(Level::error, read.error().what);
  if (const auto read = reader_.read(); !read) say(Level::error, read.error().what);
  sync();
  supervisor_.ready(summary());
  say(Level::info, "reloaded: " + summary());
}

void Daemon::sync() {
  const auto& wishes = reader_.wishes();
  if (watcher_) watcher_->expect(wishes.settings, wishes.spaces);
  roster_->sync(wishes);
}

void Daemon::tick() {
  next_tick_ = Clock::now() + kTick;
  if (roster_->stale() || roster_->incomplete()) sync();
  if (watcher_) {
    watcher_->look_at_clients();
    hint();
  }
  supervisor_.status(summary());
  write_metrics();
}

/// The service manager hears from us only as long as the proxy's thread goes round.
void Daemon::ping_loop() {
  next_ping_ = Clock::now() + *supervisor_.watchdog() / 3;
  if (!loop_answers_.exchange(false)) return;
  supervisor_.alive();
  loop_->post([this] { loop_answers_ = true; });
}

void Daemon::stop() {
  supervisor_.stopping();
  state_ = "draining";
  if (supervisor_.present()) {
    if (const auto bundle = pack(roster_->for_handover()); !bundle)
      say(Level::error, bundle.error().what);
    else if (const auto kept = supervisor_.keep(kStored, bundle->get()); !kept)
      say(Level::error, kept.error().what);
  }
  const auto until = Clock::now() + options_.stop;
  std::size_t left = 1;
  on_loop(*loop_, [&] { loop_->stop_accepting(!supervisor_.present()); });
  while (left > 0 && Clock::now() < until) {
    on_loop(*loop_, [&] { left = loop_->connections(); });
    if (left > 0) std::this_thread::sleep_for(20ms);
  }
  loop_->stop();
  proxy_thread_.join();
  mender_.reset();  // waits for a repair that is under way
  say(Level::info, left == 0 ? "stopped" : fmt::format("stopped, {} connections cut", left));
}

// ---- repairs ----------------------------------------------------------------------------------------------

/// Something happened that may be a fault: looked at when all has been quiet for a moment.
void Daemon::hint() {
  if (!watcher_ || !watcher_->suspicious()) return;
  const auto now = Clock::now();
  if (!first_hint_) first_hint_ = now;
  const auto settled = std::min(now + kSettle, *first_hint_ + kAtLatest);
  look_at_ = std::max(settled, look_at_.value_or(settled));
}

/// Not while a warren is at work, nor sooner after the last repair than the pace allows.
void Daemon::look_for_faults() {
  const auto now = Clock::now();
  if (!look_at_ || now < *look_at_) return;
  if (mender_->busy() || mender_->warren_at_work() || now < pace_.earliest()) {
    look_at_ = std::max(now + kSettle, pace_.earliest());
    return;
  }
  look_at_.reset();
  first_hint_.reset();
  const auto changed = reader_.read();  // what warren took away itself is expected no longer
  if (changed && *changed) sync();
  auto causes = watcher_->take();
  if (causes.empty()) return;
  ++repairs_.looks;
  mender_->start(std::move(causes));
}

void Daemon::repaired() {
  const auto repair = mender_->take();
  if (!repair) return;
  for (const auto& line : repair->failed) say(Level::error, "cannot mend: " + line);
  repairs_.failed += repair->failed.size();
  if (repair->mended.empty() && repair->failed.empty()) return;
  for (const auto& line : repair->mended) say(Level::notice, "mended: " + line);
  repairs_.mended += repair->mended.size();
  repairs_.last = timestamp();
  record_event(
      place(), repair->failed.empty() ? "mended" : "mending-failed",
      fmt::format("\"causes\":{},\"mended\":{},\"failed\":{},\"seconds\":{:.3f}", Json(repair->causes).dump(),
                  Json(repair->mended).dump(), Json(repair->failed).dump(), repair->seconds));
  if (!pace_.mended(Clock::now())) return;
  const auto text =
      "something undoes again and again what is mended; repairs pause ever longer, up to a minute";
  say(Level::warning, text);
  record_event(place(), "repairs-damped", fmt::format("\"detail\":\"{}\"", text));
}

// ---- telling ----------------------------------------------------------------------------------------------

Report Daemon::report() const {
  Report report;
  report.since = since_;
  report.state = state_;
  report.standing = roster_->standing();
  for (const auto& [name, service] : roster_->services()) {
    report.services.push_back(service);
    report.addresses.emplace_back(name, roster_->addresses(service.target));
  }
  report.failures.assign(roster_->failures().begin(), roster_->failures().end());
  on_loop(*loop_, [&] {
    report.retired = loop_->retired();
    report.pauses = loop_->pauses();
  });
  report.repairs = repairs_;
  report.repairs.on = watcher_.has_value();
  report.repairs.pause =
      std::max(0.0, std::chrono::duration<double>(pace_.earliest() - Clock::now()).count());
  return report;
}

std::string Daemon::answer(std::string_view request) const {
  if (request == "metrics") return as_metrics(report());
  if (request.empty() || request == "status") return as_json(report());
  return "{\"error\":\"status or metrics\"}\n";
}

std::string Daemon::summary() const {
  return fmt::format("{} services by proxy, {} listeners", roster_->services().size(), roster_->size());
}

void Daemon::write_metrics() {
  const auto written = sys::write_atomically(place().in_run("metrics.prom"), as_metrics(report()));
  if (!written) say(Level::warning, written.error().what);
}

}  // namespace warren::daemon
