// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/table.h"

#include "engine/observe.h"
#include "engine/plan.h"
#include "engine/self.h"

namespace warren::engine {
namespace {

/// An error that says that the table is not what the store thinks.
bool drifted(const Error& error) { return error.code == Code::not_found || error.code == Code::exists; }

}  // namespace

Status Engine::Self::change_table(const std::vector<Element>& remove, const std::vector<Element>& add) {
  auto status = host::change_elements(kernel_, remove, add);
  if (status || !drifted(status.error())) return status;
  return settle_table();
}

/// Somebody changed our table. Reads it, and makes the difference to what is desired.
Status Engine::Self::settle_table() {
  const auto all = TRY(desired());
  const auto& host = *TRY(facts());
  const auto originals = TRY(host::Originals::load(place()));
  const auto pending = TRY(host::pending_sysctls(*TRY(kernel_.route()), host, settings_, originals));
  const auto rules = host::make_rules(host, settings_, originals, pending);
  const auto state = TRY(host::look_at_table(kernel_, rules));
  model::Observed seen;
  seen.table = state.stands, seen.rules_right = state.rules_right;
  if (state.stands) seen.elements = TRY(host::read_elements(kernel_));
  const auto plan = engine::plan(all, seen);
  if (plan.new_rules) return host::replace_table(kernel_, rules, plan.add);
  return host::change_elements(kernel_, plan.remove, plan.add);
}

Status Engine::Self::forget_flows(const std::vector<netlink::FlowMatch>& matches) {
  if (matches.empty()) return {};
  return TRY_WRAP("forget connections", netlink::delete_flows(*TRY(kernel_.netfilter()), matches)), Status();
}

/// The table goes last: it keeps others' packets from being forwarded while that is on because of us, and as
/// long as it stands, the next `up` knows that there is something to leave.
Status Engine::Self::leave_host() {
  auto originals = TRY(host::Originals::load(place()));
  TRY(originals.restore());
  TRY(host::remove_host_parts(*TRY(kernel_.route()), settings_));
  return host::remove_table(kernel_);
}

}  // namespace warren::engine
