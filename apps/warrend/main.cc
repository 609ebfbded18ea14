// SPDX-License-Identifier: GPL-2.0-or-later
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <unistd.h>

#include "daemon/daemon.h"
#include "daemon/journal.h"

namespace warren::daemon {
namespace {

/// "500ms", "30s", "5m", "8h"; a number alone is seconds.
void add_time(CLI::App& app, const std::string& name, std::chrono::milliseconds& value,
              const std::string& help) {
  const auto set = [&value](const CLI::results_t& words) {
    static const std::map<std::string, std::int64_t> kUnits{
        {"ms", 1}, {"", 1000}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
    const auto end = words[0].find_first_not_of("0123456789");
    const auto digits = words[0].substr(0, end);
    const auto unit = kUnits.find(end == std::string::npos ? "" : words[0].substr(end));
    if (digits.empty() || digits.size() > 9 || unit == kUnits.end()) return false;
    value = std::chrono::milliseconds(std::stoll(digits) * unit->second);
    return value.count() > 0;
  };
  app.add_option(name, set, help)->type_name("TIME");
}

void describe(CLI::App& app, Options& options) {
  app.add_option("--config", options.config, "Configuration file")->envname("WARREN_CONFIG");
  auto& limits = options.limits;
  app.add_option("--per-space", limits.per_space, "Connections and UDP flows that a space may have")
      ->check(CLI::Range(1, 1'000'000));
  add_time(app, "--connect-timeout", limits.connect, "Wait that long for a target (10s)");
  add_time(app, "--idle-timeout", limits.idle, "End connections on which nothing moves (8h)");
  add_time(app, "--drain-timeout", limits.drain, "The same, once one direction has ended (5m)");
  add_time(app, "--udp-timeout", limits.flow, "Forget a UDP flow without datagrams (60s)");
  add_time(app, "--stop-timeout", options.stop, "Let connections end when told to stop (3s)");
  app.add_flag("!--no-repair", options.repair, "Do not mend what others break");
  app.set_version_flag("--version", WARREN_VERSION);
  app.footer(
      "Times are given as 500ms, 30s, 5m, 8h.\nSignals: SIGTERM stops, SIGHUP reads the configuration "
      "again.");
}

int run(int argc, char** argv) {
  Options options;
  options.place = Place::of_host();
  options.config = options.place.config() + "/warren.toml";
  CLI::App app("Relays the host's services into the spaces, and mends what others break", "warrend");
  describe(app, options);
  CLI11_PARSE(app, argc, argv);
  if (::geteuid() != 0) {
    say(Level::error, "needs root");
    return 1;
  }
  auto daemon = Daemon::start(std::move(options));
  const auto result = daemon ? (*daemon)->run() : Status(std::unexpected(daemon.error()));
  if (!result) say(Level::error, result.error().what);
  ::_exit(result ? 0
                 : 1);  // a name server that does not answer would hold up the end of the resolver's thread
}

}  // namespace
}  // namespace warren::daemon

int main(int argc, char** argv) {
  try {
    return warren::daemon::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "warrend: this is a bug: %s\n", error.what());
    return 70;  // EX_SOFTWARE
  }
}
