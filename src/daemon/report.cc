// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/report.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>

#include "base/json.h"

namespace warren::daemon {
namespace {

using proxy::Counters;

Json to_json(const Counters& counters) {
  return {
      {"now", counters.now},       {"total", counters.total},         {"refused", counters.refused},
      {"failed", counters.failed}, {"to_target", counters.to_target}, {"from_target", counters.from_target}};
}

struct Sums {
  Counters all;
  std::map<std::string, Counters> services;
  std::map<std::string, Counters> spaces;
  std::map<std::string, std::uint64_t> listeners;  ///< of each service
};

Sums sums(const Report& report) {
  Sums sums;
  sums.all = report.retired;
  for (const auto& service : report.services) sums.services[service.name.str()];
  for (const auto& one : report.standing) {
    sums.all += one.counters;
    sums.services[one.service.str()] += one.counters;
    sums.spaces[one.place.space.str()] += one.counters;
    ++sums.listeners[one.service.str()];
  }
  return sums;
}

Json services_json(const Report& report, Sums& sums) {
  auto list = Json::array();
  for (const auto& service : report.services) {
    auto addresses = Json::array();
    for (const auto& [name, known] : report.addresses)
      if (name == service.name)
        for (const auto& address : known) addresses.push_back(address.str());
    const auto& name = service.name.str();
    Json entry{{"name", name},
               {"target", service.target.str()},
               {"addresses", addresses},
               {"listeners", sums.listeners[name]}};
    const auto counters = to_json(sums.services[name]);
    for (const auto& [key, count] : counters.members()) entry.add(key, count);
    list.push_back(std::move(entry));
  }
  return list;
}

/// A counter or gauge with its samples.
class Metrics {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  void sample(std::string_view name, std::string_view labels, double value) {
    text_ += fmt::format("{}{} {}\n", name, labels, value);
  }
  void all(std::string_view name, std::string_view type, std::string_view help, std::string_view label,
           const std::map<std::string, Counters>& rows, std::uint64_t Counters::*field) {
    family(name, type, help);
    for (const auto& [key, counters] : rows)  // names have no character that would need an escape
      sample(name, fmt::format("{{{}=\"{}\"}}", label, key), static_cast<double>(counters.*field));
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void repair_metrics(Metrics& metrics, const Report& report) {
  const auto& repairs = report.repairs;
  metrics.family("warren_repair_looks_total", "counter", "Looks at everything because something changed.");
  metrics.sample("warren_repair_looks_total", "", static_cast<double>(repairs.looks));
  metrics.family("warren_repair_mended_total", "counter", "Faults that were mended.");
  metrics.sample("warren_repair_mended_total", "", static_cast<double>(repairs.mended));
  metrics.family("warren_repair_failed_total", "counter", "Faults that could not be mended.");
  metrics.sample("warren_repair_failed_total", "", static_cast<double>(repairs.failed));
  metrics.family("warren_repair_pause_seconds", "gauge", "Pause before the next repair, in a storm.");
  metrics.sample("warren_repair_pause_seconds", "", repairs.pause);
}

}  // namespace

std::string as_json(const Report& report) {
  auto sum = sums(report);
  auto failures = Json::array();
  for (const auto& [place, why] : report.failures)
    failures.push_back({{"place", place.str()}, {"error", why}});
  auto spaces = Json::object();
  for (const auto& [name, counters] : sum.spaces) spaces.add(name, to_json(counters));
  const Json json{{"version", WARREN_VERSION},
                  {"pid", ::getpid()},
                  {"since", report.since},
                  {"state", report.state},
                  {"listeners", report.standing.size()},
                  {"connections", to_json(sum.all)},
                  {"accept_pauses", report.pauses},
                  {"services", services_json(report, sum)},
                  {"spaces", spaces},
                  {"not_listening", failures},
                  {"repairs",
                   {{"on", report.repairs.on},
                    {"looks", report.repairs.looks},
                    {"mended", report.repairs.mended},
                    {"failed", report.repairs.failed},
                    {"last", report.repairs.last},
                    {"pause", report.repairs.pause}}}};
  return json.dump() + "\n";
}

std::string as_metrics(const Report& report) {
  const auto sum = sums(report);
  Metrics metrics;
  metrics.family("warren_proxy_listeners", "gauge", "Listening sockets in all spaces.");
  metrics.sample("warren_proxy_listeners", "", static_cast<double>(report.standing.size()));
  metrics.family("warren_proxy_accept_pauses_total", "counter", "Times that descriptors ran out.");
  metrics.sample("warren_proxy_accept_pauses_total", "", static_cast<double>(report.pauses));
  const auto& services = sum.services;
  metrics.all("warren_service_connections", "gauge", "Connections and UDP flows now.", "service", services,
              &Counters::now);
  metrics.all("warren_service_connections_total", "counter", "Connections and UDP flows so far.", "service",
              services, &Counters::total);
  metrics.all("warren_service_refused_total", "counter", "Refused because a space had its share.", "service",
              services, &Counters::refused);
  metrics.all("warren_service_failed_total", "counter", "The target could not be reached.", "service",
              services, &Counters::failed);
  metrics.all("warren_service_sent_bytes_total", "counter", "Bytes to the target.", "service", services,
              &Counters::to_target);
  metrics.all("warren_service_received_bytes_total", "counter", "Bytes from the target.", "service", services,
              &Counters::from_target);
  metrics.all("warren_space_connections", "gauge", "Connections and UDP flows now.", "space", sum.spaces,
              &Counters::now);
  metrics.all("warren_space_refused_total", "counter", "Refused because the space had its share.", "space",
              sum.spaces, &Counters::refused);
  repair_metrics(metrics, report);
  return metrics.take();
}

}  // namespace warren::daemon
