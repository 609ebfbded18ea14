// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/hooks.h"

#include <algorithm>
#include <dirent.h>
#include <fmt/format.h>
#include <memory>
#include <unistd.h>

#include "base/log.h"
#include "engine/engine.h"
#include "hooks/run.h"
#include "sys/file.h"
#include "sys/lock.h"

namespace warren::engine {
namespace {

using hooks::Event;

std::string folder() { return fmt::format("{}/hooks", sys::kRunDir); }

std::string note_path(const SpaceName& name) { return folder() + "/" + name.str(); }

}  // namespace

bool Hooks::any() {
  if (!any_) any_ = hooks::any();
  return *any_;
}

Status Hooks::run(Event event, const model::Space& space, const model::Settings& settings) {
  if (!any() || !hooks::wanted(event, space.name)) return {};
  return hooks::run_hooks(event, hooks::Facts(space, settings), std::chrono::seconds(settings.hook_timeout));
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
  if (hooks::wanted(Event::pre_up, space.name) || hooks::wanted(Event::up, space.name))
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
  if (any() && hooks::wanted(Event::down, space.name)) note(Event::down, space.name);
}

void Hooks::fallen(const model::Space& space, const model::Settings& settings) {
  settle(Event::down, space, settings);
}

void Hooks::let_be(const SpaceName& name) { ::unlink(note_path(name).c_str()); }

bool Hooks::rose(const SpaceName& name) const { return std::ranges::find(rising_, name) != rising_.end(); }

void Hooks::device(Event event, const model::Space& space, const model::Settings& settings,
                   const hooks::Device& device) {
  if (!any() || !hooks::wanted(event, space.name)) return;
  hooks::Facts facts(space, settings);
  facts.add(device);
  (void)hooks::run_hooks(event, facts, std::chrono::seconds(settings.hook_timeout));  // has warned
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

Status Engine::rise_all(const std::vector<model::Space>& spaces) {
  for (const auto& space : spaces)
    if (auto allowed = hooks_.rise(space, settings_); !allowed) {
      for (const auto& other : spaces)
        if (hooks_.rose(other.name)) hooks_.fallen(other, settings_);
      return std::unexpected(std::move(allowed).error().wrap("space " + space.name.str()));
    }
  return {};
}

Status Engine::begin_moves(const std::vector<model::Space>& rising, const std::vector<model::Space>& falling,
                           bool force) {
  TRY(rise_all(rising));
  auto vacated = empty_spaces(falling, force);
  if (!vacated)
    for (const auto& space : rising) hooks_.fallen(space, settings_);
  return vacated;
}

void Engine::end_rise(const std::vector<model::Space>& spaces,
                      const std::vector<model::SpaceFailure>& failures) {
  for (const auto& space : spaces)
    if (std::ranges::find(failures, space.name, &model::SpaceFailure::name) == failures.end())
      hooks_.risen(space, settings_);
    else
      hooks_.fallen(space, settings_);
}

void Engine::fall_all(const std::vector<model::Space>& spaces) {
  for (const auto& space : spaces)
    if (space.state == model::State::up) hooks_.fall(space, settings_);
}

void Engine::end_fall(const std::vector<model::Space>& spaces) {
  for (const auto& space : spaces)
    if (space.state == model::State::up) hooks_.fallen(space, settings_);
}

std::vector<model::SpaceFailure> Engine::refused_by_hooks(std::vector<model::SpaceChange>& changes) {
  std::vector<model::SpaceFailure> refused;
  std::erase_if(changes, [&](const model::SpaceChange& change) {
    // Where the host end stands, so does the namespace of the other: a space that stays is mended.
    if (!change.missing.has(model::Part::netns) || change.seen.outer_exists) return false;
    auto allowed = hooks_.rise(*change.space, settings_);
    if (allowed) return false;
    refused.push_back({change.space->name, std::move(allowed).error()});
    return true;
  });
  return refused;
}

void Engine::make_good(const std::vector<model::Space>& spaces,
                       const std::vector<model::SpaceFailure>& failures) {
  for (const auto& [name, event] : hooks_.owed()) {
    const auto space = std::ranges::find(spaces, name, &model::Space::name);
    if (space == spaces.end()) continue;
    const bool up = space->state == model::State::up;
    const bool failed = std::ranges::find(failures, name, &model::SpaceFailure::name) != failures.end();
    if (up && event == Event::down)
      hooks_.let_be(name);
    else if (up && !failed)
      hooks_.risen(*space, settings_);
    else if (!up || hooks_.rose(name))
      hooks_.fallen(*space, settings_);
  }
}

void Engine::forget_notes(const std::vector<model::Space>& spaces) {
  for (const auto& [name, event] : hooks_.owed())
    if (std::ranges::find(spaces, name, &model::Space::name) == spaces.end()) hooks_.let_be(name);
}

}  // namespace warren::engine
