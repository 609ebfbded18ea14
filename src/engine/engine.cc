// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/engine.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <sys/random.h>

#include "engine/self.h"
#include "kinds/session/confine.h"
#include "model/derive.h"
#include "netlink/route.h"
#include "store/members.h"
#include "store/meta.h"
#include "store/services.h"
#include "store/spaces.h"

namespace warren::engine {
namespace {

/// RFC 4193: fd00::/8 and forty random bits.
Result<Cidr> random_ula() {
  std::array<std::uint8_t, 16> bytes{0xfd};
  if (::getrandom(bytes.data() + 1, 5, 0) != 5) return fail_errno(errno, "get random bytes");
  return Cidr(Ip::v6(bytes), 48);
}

/// Inside a space the gateway of the spaces is the way out. There, all would be built once more, beside what
/// stands.
Status require_host(netlink::Socket& route, const model::Settings& settings) {
  netlink::Batch batch;
  netlink::query_way(batch, host::far4());
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

const model::Space& Report::space(const SpaceName& name) const {
  return *std::ranges::find(after.spaces, name, &model::Space::name);
}

Status Report::whole() const {
  if (failures.empty()) return {};
  return std::unexpected(failures.front().error);
}

Engine::Engine(std::unique_ptr<Self> self) : self_(std::move(self)) {}
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;
Engine::~Engine() = default;

Result<Engine> Engine::open(const Place& place, model::Settings settings) {
  auto lock = TRY(sys::WriterLock::take(place));
  auto store = TRY(store::Store::open(place.store));
  auto self = std::make_unique<Self>(place, std::move(lock), std::move(store), std::move(settings));
  TRY(self->begin());
  return Engine(std::move(self));
}

const model::Settings& Engine::settings() const { return self_->settings(); }

Result<Report> Engine::run(const kinds::Operation& operation, const Options& options) {
  return self_->run(operation, options);
}

Result<std::vector<std::string>> Engine::check() { return self_->check(); }

Result<Report> Engine::up(const std::vector<SpaceName>& names, const model::Progress& progress) {
  return self_->up(names, progress);
}

Result<std::optional<SpaceName>> Engine::up_for(const std::string& login, bool create) {
  return self_->up_for(login, create);
}

Result<model::Desired> Engine::desired() { return self_->desired(); }

Status Engine::Self::begin() {
  TRY(require_host(*TRY(kernel_.route()), settings_));
  if (settings_.ipv6 && !settings_.ula) TRY(make_ula());
  settings_.services = TRY(store_.services().all());
  return {};
}

Status Engine::Self::make_ula() {
  settings_.ula = TRY(store_.meta().ula());
  if (settings_.ula) return {};
  const auto ula = TRY(random_ula());
  auto transaction = TRY(store_.begin());
  TRY(store_.meta().set_ula(ula));
  TRY(transaction.commit());
  settings_.ula = ula;
  return {};
}

Status Engine::Self::fill(model::Desired& desired) {
  for (auto& space : desired.spaces) space.members = TRY(store_.members().of(space.number));
  desired.confined = TRY(session::confined(desired.spaces, settings_));
  return {};
}

Result<model::Desired> Engine::Self::desired() {
  model::Desired all{settings_, TRY(store_.spaces().all()), {}};
  TRY(fill(all));
  return all;
}

/// Those of the names that there are.
Result<model::Desired> Engine::Self::load(const std::vector<SpaceName>& names) {
  model::Desired some{settings_, {}, {}};
  some.spaces = TRY(store_.spaces().find_many(names));
  std::ranges::sort(some.spaces, {}, &model::Space::number);
  const auto up = std::ranges::count(some.spaces, model::State::up, &model::Space::state);
  // To ask for any other costs the same whatever there is; to count them does not.
  if (some.spaces.size() < 2)
    some.others_up = TRY(store_.spaces().any_other(
        model::State::up, some.spaces.empty() ? SpaceNumber{0} : some.spaces.front().number));
  else
    some.others_up = TRY(store_.spaces().count(model::State::up)) > static_cast<std::size_t>(up);
  TRY(fill(some));
  return some;
}

Result<const host::HostFacts*> Engine::Self::facts() {
  if (!facts_) facts_ = TRY(host::read_host(*TRY(kernel_.route()), settings_));
  return &*facts_;
}

}  // namespace warren::engine
