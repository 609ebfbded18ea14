// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/hooks.h"

#include <algorithm>
#include <dirent.h>
#include <memory>
#include <unistd.h>

#include "base/log.h"
#include "hooks/run.h"
#include "sys/file.h"

namespace warren::engine {
namespace {

using hooks::Event;

}  // namespace

bool Hooks::any() {
  if (!any_) any_ = hooks::any(place_);
  return *any_;
}

Status Hooks::run(Event event, const model::Space& space, const model::Settings& settings) {
  if (!any() || !hooks::wanted(place_, event, space.name)) return {};
  return hooks::run_hooks(place_, event, facts(space, settings), std::chrono::seconds(settings.hook_timeout));
}

void Hooks::note(Event event, const SpaceName& name) {
  auto written = sys::make_directories(folder());
  if (written) written = sys::write_atomically(note_path(name), hooks::name(event));
  if (!written) warn(written.error().what);
}

void Hooks::settle(Event event, const model::Space& space, const model::Settings& settings) {
  if (!any()) return;
  (void)run(event, space, settings);  // has warned of what failed
  let_be(space.name);
}

Status Hooks::rise(const model::Space& space, const model::Settings& settings) {
  if (!any() || rose(space.name)) return {};
  // Of hooks that there are, so that nothing is written for who has none.
  if (hooks::wanted(place_, Event::pre_up, space.name) || hooks::wanted(place_, Event::up, space.name))
    note(Event::up, space.name);
  auto allowed = run(Event::pre_up, space, settings);
  if (!allowed)
    fallen(space, settings);
  else
    rising_.push_back(space.name);
  return allowed;
}

void Hooks::risen(const model::Space& space, const model::Settings& settings) {
  settle(Event::up, space, settings);
}

void Hooks::fall(const model::Space& space, const model::Settings& settings) {
  (void)run(Event::pre_down, space, settings);
  if (any() && hooks::wanted(place_, Event::down, space.name)) note(Event::down, space.name);
}

void Hooks::fallen(const model::Space& space, const model::Settings& settings) {
  settle(Event::down, space, settings);
}

void Hooks::let_be(const SpaceName& name) { ::unlink(note_path(name).c_str()); }

bool Hooks::rose(const SpaceName& name) const { return std::ranges::find(rising_, name) != rising_.end(); }

void Hooks::device(Event event, const model::Space& space, const model::Settings& settings,
                   const hooks::Device& device) {
  if (!any() || !hooks::wanted(place_, event, space.name)) return;
  auto told = facts(space, settings);
  told.add(device);
  (void)hooks::run_hooks(place_, event, told, std::chrono::seconds(settings.hook_timeout));  // has warned
}

std::vector<std::pair<SpaceName, Event>> Hooks::owed() {
  std::vector<std::pair<SpaceName, Event>> all;
  const std::unique_ptr<DIR, int (*)(DIR*)> notes(::opendir(folder().c_str()), ::closedir);
  while (const auto* entry = notes ? ::readdir(notes.get()) : nullptr) {
    const auto name = SpaceName::parse(entry->d_name);
    if (!name) continue;
    const auto event = sys::read_file(note_path(*name)).value_or("");
    all.emplace_back(*name, event == hooks::name(Event::up) ? Event::up : Event::down);
  }
  return all;
}

}  // namespace warren::engine
