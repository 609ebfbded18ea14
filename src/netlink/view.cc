// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/view.h"

#include <algorithm>
#include <libmnl/libmnl.h>

namespace warren::netlink {

std::string_view AttrView::text() const {
  const auto* chars = reinterpret_cast<const char*>(payload.data());
  return {chars, static_cast<std::size_t>(std::find(chars, chars + payload.size(), '\0') - chars)};
}

void AttrRange::Iterator::read() {
  nlattr header{};
  if (rest_.size() >= sizeof header) std::memcpy(&header, rest_.data(), sizeof header);
  if (header.nla_len < sizeof header || header.nla_len > rest_.size()) {
    rest_ = rest_.subspan(rest_.size());  // torn or empty: the walk ends here
    return;
  }
  current_.type = header.nla_type & NLA_TYPE_MASK;
  current_.payload = rest_.subspan(sizeof header, header.nla_len - sizeof header);
  step_ = std::min<std::size_t>(MNL_ALIGN(header.nla_len), rest_.size());
}

}  // namespace warren::netlink
