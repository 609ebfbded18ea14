// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/forward/ops.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

#include "kinds/forward/ports.h"

namespace warren::forward {
namespace {

using kinds::Ask;
using model::Desired;
using model::Forward;
using model::ForwardSpec;

/// The forwards that a specification names. A port without a colon is the host's, as `port ls` shows it.
std::vector<Forward> named_by(const ForwardSpec& spec, const std::vector<Forward>& forwards) {
  std::vector<Forward> found;
  for (const auto& want : spec.forwards(PortRange{spec.to, spec.to}))
    for (const auto& forward : forwards)
      if (forward.proto == want.proto && forward.host == want.host && forward.ports == want.ports &&
          (!spec.ports || forward.to == want.to))
        found.push_back(forward);
  return found;
}

Status add_to(model::Space& space, const std::vector<ForwardSpec>& specs, Ask& ask) {
  if (!space.uplink) return std::unexpected(no_uplink(space.name));
  auto added = TRY(PortResolver(ask, false).resolve(space.name, specs));
  std::ranges::move(added, std::back_inserter(space.forwards));
  std::ranges::sort(space.forwards);
  return {};
}

Status remove_from(model::Space& space, const std::vector<ForwardSpec>& specs) {
  std::vector<Forward> gone;
  for (const auto& spec : specs) {
    auto found = named_by(spec, space.forwards);
    if (found.empty())
      return fail(Code::not_found,
                  fmt::format("space {0} has no forward of port {1}; `warren port ls {0}` lists them",
                              space.name.str(), spec.ports.value_or(PortRange{spec.to, spec.to}).str()));
    std::ranges::move(found, std::back_inserter(gone));
  }
  std::erase_if(space.forwards,
                [&](const Forward& forward) { return std::ranges::find(gone, forward) != gone.end(); });
  return {};
}

}  // namespace

kinds::Operation add(const SpaceName& space, std::vector<ForwardSpec> specs) {
  return {{space}, false, [space, specs = std::move(specs)](Desired& desired, Ask& ask) -> Status {
            return add_to(*TRY(kinds::find(desired, space)), specs, ask);
          }};
}

kinds::Operation remove(const SpaceName& space, std::vector<ForwardSpec> specs) {
  return {{space}, false, [space, specs = std::move(specs)](Desired& desired, Ask&) -> Status {
            return remove_from(*TRY(kinds::find(desired, space)), specs);
          }};
}

Error no_uplink(const SpaceName& space) {
  return {
      Code::usage, 0,
      fmt::format("space {} has no uplink, so nothing can be forwarded into it: reach it over its devices",
                  space.str())};
}

std::vector<Forward> missing(const std::vector<Forward>& all, const std::vector<Forward>& other) {
  std::vector<Forward> left;
  std::ranges::set_difference(all, other, std::back_inserter(left));
  return left;
}

}  // namespace warren::forward
