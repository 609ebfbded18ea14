// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/mender.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>

#include "config/settings.h"
#include "engine/engine.h"
#include "sys/file.h"

namespace warren::daemon {
namespace {

Result<engine::Report> bring_up(const Place& place, const std::string& config) {
  auto engine = TRY(engine::Engine::open(place, TRY(config::load_settings(config, false))));
  return engine.up({});
}

}  // namespace

Mender::Mender(Place place, std::string config)
    : place_(std::move(place)),
      config_(std::move(config)),
      done_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

bool Mender::warren_at_work() const {
  // For reading: a close after writing would be taken for the end of somebody's work.
  const auto fd = sys::open_file(place_.in_run("lock"), O_RDONLY | O_NOFOLLOW);
  return fd && ::flock(fd->get(), LOCK_SH | LOCK_NB) != 0;
}

void Mender::start(std::vector<std::string> causes) {
  busy_ = true;
  const std::lock_guard hold(mutex_);
  causes_ = std::move(causes);
  changed_.notify_all();
}

std::optional<Repair> Mender::take() {
  std::uint64_t count = 0;
  (void)!::read(done_.get(), &count, sizeof count);
  const std::lock_guard hold(mutex_);
  auto repair = std::exchange(repair_, std::nullopt);
  if (repair) busy_ = false;
  return repair;
}

void Mender::run(const std::stop_token& stop) {
  std::unique_lock hold(mutex_);
  while (changed_.wait(hold, stop, [&] { return causes_.has_value(); })) {
    auto causes = std::exchange(causes_, std::nullopt);
    hold.unlock();
    auto result = repair(std::move(*causes));
    hold.lock();
    repair_ = std::move(result);
    const std::uint64_t one = 1;
    (void)!::write(done_.get(), &one, sizeof one);
  }
}

Repair Mender::repair(std::vector<std::string> causes) const {
  Repair result;
  result.causes = std::move(causes);
  const auto begin = std::chrono::steady_clock::now();
  const auto report = bring_up(place_, config_);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (!report) {
    result.failed.push_back(report.error().what);
    return result;
  }
  result.mended = report->mended;
  for (const auto& [name, error] : report->failures)
    result.failed.push_back(fmt::format("space {}: {}", name.str(), error.what));
  return result;
}

}  // namespace warren::daemon
