// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "doctor/checks.h"
#include "sys/sysctl.h"

namespace warren::doctor {
namespace {

using Level = Finding::Level;

constexpr long long kFew = 512;  // entries: what a small web server and its clients keep at a time

/// The table of connections, and who shares it.
struct Table {
  long long size;
  long long used;
  long long spaces;
  long long cap;
};

std::vector<std::string> grow(long long to) {
  return {fmt::format("sysctl -w net.netfilter.nf_conntrack_max={}", to)};
}

Finding fill_level(const Table& table) {
  const auto percent = table.used * 100 / table.size;
  const auto what =
      fmt::format("nf_conntrack_count = {} of nf_conntrack_max = {} ({} %)", table.used, table.size, percent);
  if (percent >= 90)
    return {Level::problem, "conntrack", what + ": new connections are about to fail", grow(table.size * 4)};
  if (percent >= 70) return {Level::advice, "conntrack", what + ": getting full", grow(table.size * 2)};
  return {Level::ok, "conntrack", what, {}};
}

void add_share(std::vector<Finding>& findings, const Table& table) {
  if (table.spaces == 0 || table.size / table.spaces >= kFew) return;
  findings.push_back({Level::advice, "conntrack",
                      fmt::format("nf_conntrack_max = {} is {} for each of the {} spaces that are up",
                                  table.size, table.size / table.spaces, table.spaces),
                      grow(table.spaces * kFew * 4)});
}

void add_cap(std::vector<Finding>& findings, const Table& table) {
  if (table.cap != 0 && table.cap < table.size) return;
  if (table.cap == 0)
    findings.push_back(
        {Level::advice, "conntrack", "conntrack_per_space = 0: one space can fill the table for all", {}});
  else
    findings.push_back(
        {Level::advice, "conntrack",
         fmt::format("conntrack_per_space = {} is no cap with nf_conntrack_max = {}: one space can fill "
                     "the table for all",
                     table.cap, table.size),
         grow(table.cap * 4)});
}

}  // namespace

Result<std::vector<Finding>> check_conntrack(const Context& context) {
  const auto max = TRY(sys::read_number("net/netfilter/nf_conntrack_max"));
  const auto count = TRY(sys::read_number("net/netfilter/nf_conntrack_count"));
  if (!max || *max <= 0)
    return std::vector<Finding>{
        {Level::ok, "conntrack", "connection tracking is not in use, or has no limit", {}}};
  const Table table{*max, count.value_or(0), static_cast<long long>(context.our_links.size()),
                    context.settings.conntrack_per_space};
  std::vector<Finding> findings{fill_level(table)};
  add_share(findings, table);
  add_cap(findings, table);
  return findings;
}

}  // namespace warren::doctor
