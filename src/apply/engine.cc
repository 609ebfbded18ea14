// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/engine.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <future>
#include <sys/random.h>

#include "apply/observe.h"
#include "apply/table.h"
#include "netlink/route.h"
#include "store/meta.h"
#include "store/services.h"
#include "store/spaces.h"
#include "sys/file.h"

namespace warren::apply {
namespace {

/// RFC 4193: fd00::/8 and forty random bits.
Result<Cidr> random_ula() {
  std::array<std::uint8_t, 16> bytes{0xfd};
  if (::getrandom(bytes.data() + 1, 5, 0) != 5) return fail_errno(errno, "get random bytes");
  return Cidr(Ip::v6(bytes), 48);
}

/// An error that says that the table is not what the store thinks.
bool drifted(const Error& error) { return error.code == Code::not_found || error.code == Code::exists; }

/// Inside a space the gateway of the spaces is the way out. There, all would be built once more, beside what
/// stands.
Status require_host(netlink::Socket& route, const model::Settings& settings) {
  netlink::Batch batch;
  netlink::query_way(batch, far4());
  bool inside = false;
  // An error: no way out, so no space.
  (void)route.run(batch, [&](const netlink::MessageView& message) {
    const auto way = netlink::parse_way(message);
    inside = inside || (way && way->gateway == model::gateway4(settings));
  });
  if (!inside) return {};
  return fail(Code::failed, "this is the inside of a space; changes are made on the host");
}

}  // namespace

Result<Engine> Engine::open(model::Settings settings) {
  auto lock = TRY(sys::WriterLock::take());
  auto store = TRY(store::Store::open(kStorePath));
  Engine engine(std::move(lock), std::move(store), std::move(settings));
  TRY(require_host(*TRY(engine.kernel_.route()), engine.settings_));
  if (engine.settings_.ipv6 && !engine.settings_.ula) TRY(engine.make_ula());
  engine.settings_.services = TRY(engine.store_.services().all());
  return engine;
}

Status Engine::make_ula() {
  settings_.ula = TRY(store_.meta().ula());
  if (settings_.ula) return {};
  const auto ula = TRY(random_ula());
  auto transaction = TRY(store_.begin());
  TRY(store_.meta().set_ula(ula));
  TRY(transaction.commit());
  settings_.ula = ula;
  return {};
}

Result<model::Desired> Engine::desired() {
  model::Desired all{settings_, TRY(store_.spaces().all()), {}};
  for (const auto& space : all.spaces)
    std::ranges::move(TRY(confined(space)), std::back_inserter(all.confined));
  return all;
}

Result<const HostFacts*> Engine::facts() {
  if (!facts_) facts_ = TRY(read_host(*TRY(kernel_.route()), settings_));
  return &*facts_;
}

Result<model::Space> Engine::find(const SpaceName& name) {
  auto space = TRY(store_.spaces().find(name));
  if (!space)
    return fail(Code::not_found, fmt::format("there is no space '{}'; `warren ls` lists them", name.str()));
  return *space;
}

Result<std::vector<SpaceName>> Engine::names() {
  std::vector<SpaceName> names;
  for (const auto& space : TRY(store_.spaces().all())) names.push_back(space.name);
  return names;
}

Result<std::vector<Element>> Engine::elements_of(const std::vector<model::Space>& spaces) {
  std::vector<Element> all;
  for (const auto& space : spaces) std::ranges::move(TRY(confined(space)), std::back_inserter(all));
  for (const auto& space : spaces)
    if (space.state == model::State::up)
      std::ranges::move(model::elements(space, settings_), std::back_inserter(all));
  return all;
}

Result<Preparation> Engine::prepare_host(const HostFacts& host) {
  auto& route = *TRY(kernel_.route());
  Preparation ready{TRY(Originals::load()), {}, {}};
  ready.sysctls = TRY(pending_sysctls(route, host, settings_, ready.originals));
  TRY(put_host_parts(route, settings_, all_host_parts(settings_)));
  const auto rules = make_rules(host, settings_, ready.originals, ready.sysctls);
  const auto age = TRY(age_of_table(kernel_, rules));
  if (age == TableAge::current) return ready;
  auto elements = TRY(elements_of(TRY(store_.spaces().all())));
  ready.new_table = true;
  // One that stands is replaced with all that it holds, at a stroke: connections go through it.
  TRY(replace_table(kernel_, rules, age == TableAge::stale ? elements : std::vector<Element>{}));
  if (age == TableAge::none) ready.add = std::move(elements);
  return ready;
}

Status Engine::change_table(const HostFacts& host, const std::vector<Element>& remove,
                            const std::vector<Element>& add) {
  auto status = change_elements(kernel_, remove, add);
  if (status || !drifted(status.error())) return status;
  // Somebody changed our table. Read it, and make the difference to what is desired.
  const auto all = TRY(desired());
  const auto seen = TRY(observe(kernel_, all, host, TRY(Originals::load())));
  const auto plan = model::plan(all, seen);
  if (plan.new_rules)
    return replace_table(kernel_, make_rules(host, settings_, TRY(Originals::load()), {}), plan.add);
  return change_elements(kernel_, plan.remove, plan.add);
}

Result<std::vector<SpaceFailure>> Engine::carry_out(const Work& work, const Progress& progress,
                                                    RoomSource* begun) {
  const auto& host = *TRY(facts());
  const auto owners = TRY(find_owners(store_, settings_.ids, work.build));
  auto ready = TRY(prepare_host(host));
  if (!ready.new_table) TRY(change_table(host, work.remove, {}));
  TRY(drop_devices(work));
  TRY(tear_down(kernel_, settings_, work.tear_down));
  TRY(forget_flows(work.forget_first));
  const auto& add = ready.new_table ? ready.add : work.add;
  // Many go in beside the work on links and namespaces. Few come last, when all is whole.
  auto adding = std::async(add.size() > kManyElements ? std::launch::async : std::launch::deferred,
                           [&] { return change_elements(kernel_, {}, add); });
  auto built = build_spaces(kernel_, settings_, host, work.build, owners, progress, begun);
  const auto added = adding.get();
  auto failures = TRY(std::move(built));
  put_devices(work, failures);
  if (!added && !drifted(added.error())) return std::unexpected(added.error());
  if (!added) TRY(change_table(host, {}, add));
  TRY(change_sysctls(ready.sysctls, ready.originals));  // nothing is forwarded before the rules stand
  TRY(forget_flows(work.forget_last));
  return failures;
}

Status Engine::forget_flows(const std::vector<netlink::FlowMatch>& matches) {
  if (matches.empty()) return {};
  return TRY_WRAP("forget connections", netlink::delete_flows(*TRY(kernel_.netfilter()), matches)), Status();
}

/// The table goes last: it keeps others' packets from being forwarded while that is on because of us, and as
/// long as it stands, the next `up` knows that there is something to leave.
Status Engine::leave_host() {
  auto originals = TRY(Originals::load());
  TRY(originals.restore());
  TRY(remove_host_parts(*TRY(kernel_.route()), settings_));
  return remove_table(kernel_);
}

}  // namespace warren::apply
