// SPDX-License-Identifier: GPL-2.0-or-later
#include "hooks/run.h"

#include <fmt/format.h>

#include "base/log.h"
#include "hooks/find.h"
#include "hooks/start.h"
#include "hooks/watch.h"

namespace warren::hooks {
namespace {

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Status run_one(const Place& place, Event event, const Hook& hook, const Facts& facts, const std::string& json,
               std::chrono::seconds timeout) {
  auto environment = facts.environment();
  environment.emplace_back(kPath);
  environment.push_back(fmt::format("{}={}", kEventVariable, name(event)));
  environment.push_back("WARREN_HOOK=" + hook.path);
  auto running = start({place, hook, facts.space(), environment, json});
  auto ended = running ? watch(std::move(*running), hook.path, timeout)
                       : Status(std::unexpected(std::move(running).error()));
  if (!ended) return std::unexpected(std::move(ended).error().wrap("hook " + printable(hook.path)));
  return {};
}

}  // namespace

Status run_hooks(const Place& place, Event event, const Facts& facts, std::chrono::seconds timeout) {
  if (!wanted(place, event, facts.space())) return {};
  auto told = facts;
  told.add("event", std::string(name(event)));
  const auto json = told.json();
  for (const auto& hook : find_hooks(place, event, facts.space())) {
    auto status = run_one(place, event, hook, facts, json, timeout);
    if (!status && event == Event::pre_up) return status;
    if (!status) warn(fmt::format("space {}: {}", facts.space().str(), status.error().what));
  }
  return {};
}

}  // namespace warren::hooks
