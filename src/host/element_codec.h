// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "netlink/nft_dump.h"
#include "netlink/nft_elements.h"
#include "types/element.h"

namespace warren::host {

/// An element as the kernel holds it, in the sets that nft/table.h declares.
[[nodiscard]] netlink::ElementBytes encode(const Element& element);
/// Nothing where these are no bytes of ours.
[[nodiscard]] std::optional<Element> decode(const netlink::RawElement& raw, SetId set, Family family);
/// The key of an interface in a set of those who were refused something.
[[nodiscard]] netlink::FieldBytes encode_interface(const IfName& interface);
/// The interface that is the key of a set of those who were refused something.
[[nodiscard]] std::string interface_key(const netlink::RawElement& raw);

}  // namespace warren::host
