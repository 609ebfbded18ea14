// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/plan.h"
#include "netlink/conntrack.h"

namespace warren::engine {

/// The steps from what is observed to what is desired. Pure.
[[nodiscard]] model::Plan plan(const model::Desired& desired, const model::Observed& observed);

/// What observe() would show if all that is desired stood; facts in the order of the spaces of `in_order_of`,
/// of which those have facts that are up in both. Pure.
[[nodiscard]] model::Observed expected(const model::Desired& desired, const model::Desired& in_order_of);

/// One line a fault, in the words of `check`. `skip`: the faults of these spaces are left out.
[[nodiscard]] std::vector<std::string> faults(
    const model::Plan& plan, const model::Desired& desired,
    const std::function<bool(const SpaceName&)>& skip = [](const SpaceName&) { return false; });

/// The connections that would go on through elements that are taken away.
[[nodiscard]] std::vector<netlink::FlowMatch> flows_through(const std::vector<Element>& elements);
/// Those that would go on past elements that are added: of UDP alone, for a TCP connection ends by itself.
[[nodiscard]] std::vector<netlink::FlowMatch> flows_past(const std::vector<Element>& elements);

}  // namespace warren::engine
