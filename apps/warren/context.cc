// SPDX-License-Identifier: GPL-2.0-or-later
#include "context.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "config/settings.h"
#include "hooks/run.h"
#include "store/meta.h"

namespace warren::cli {
Status refuse_in_hook() {
  const auto* event = ::getenv(hooks::kEventVariable);
  if (!event) return {};
  return fail(Code::failed,
              fmt::format("called from a hook ({}): it would wait for the warren that waits for the hook; "
                          "do that once the hook is done, or by `systemd-run --no-block`",
                          shown(event)));
}

Status require_root() {
  if (::geteuid() == 0) return {};
  return fail(Code::permission, "needs root");
}

Status require_writer() {
  TRY(require_root());
  return refuse_in_hook();
}

Result<model::Settings> Context::settings() const { return config::load_settings(config, config_given); }

Result<model::Settings> Context::settings_with(store::Store& store) const {
  auto settings = TRY(this->settings());
  if (settings.ipv6 && !settings.ula) settings.ula = TRY(store.meta().ula());
  return settings;
}

Result<engine::Engine> Context::engine() const {
  TRY(require_writer());
  return engine::Engine::open(place, TRY(settings()));
}

Result<store::Store> Context::reader() const {
  TRY(require_root());
  return store::Store::open_read_only(place.store);
}

Result<std::vector<SpaceName>> parse_names(const std::vector<std::string>& texts) {
  std::vector<SpaceName> names;
  for (const auto& text : texts) {
    auto name = TRY(SpaceName::parse(text));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

Result<pid_t> parse_pid(const std::string& text) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
  if (error != std::errc{} || end != text.data() + text.size() || pid < 1)
    return fail(Code::usage, fmt::format("'{}' is no process ID", shown(text)));
  return pid;
}

Result<std::vector<model::ForwardSpec>> parse_specs(const std::vector<std::string>& texts) {
  std::vector<model::ForwardSpec> specs;
  for (const auto& text : texts) specs.push_back(TRY(model::ForwardSpec::parse(text)));
  return specs;
}

}  // namespace warren::cli
