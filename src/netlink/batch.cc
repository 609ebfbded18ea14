// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/batch.h"

#include <cstring>
#include <libmnl/libmnl.h>

namespace warren::netlink {

void Batch::clear() {
  buffer_.clear();
  requests_.clear();
}

nlmsghdr* Batch::grow(std::size_t more) {
  buffer_.resize(buffer_.size() + more);
  return reinterpret_cast<nlmsghdr*>(buffer_.data() + requests_.back().offset);
}

void Batch::begin(std::uint16_t type, std::uint16_t flags, std::string_view what) {
  requests_.push_back({buffer_.size(), what});
  auto* header = grow(MNL_NLMSG_HDRLEN);
  header->nlmsg_len = MNL_NLMSG_HDRLEN;
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
}

void Batch::append(const void* data, std::size_t size) {
  const auto at = buffer_.size();
  auto* header = grow(MNL_ALIGN(size));
  std::memcpy(buffer_.data() + at, data, size);
  header->nlmsg_len += static_cast<std::uint32_t>(MNL_ALIGN(size));
}

void Batch::put(std::uint16_t type, const void* data, std::size_t size) {
  auto* header = grow(MNL_ATTR_HDRLEN + MNL_ALIGN(size));
  mnl_attr_put(header, type, size, data);
}

std::size_t Batch::open_nest(std::uint16_t type) {
  const auto at = buffer_.size();
  auto* header = grow(MNL_ATTR_HDRLEN);
  mnl_attr_nest_start(header, type);
  return at;
}

void Batch::close_nest(std::size_t offset) {
  auto* attr = reinterpret_cast<nlattr*>(buffer_.data() + offset);
  attr->nla_len = static_cast<std::uint16_t>(buffer_.size() - offset);
}

std::size_t Batch::end_of(std::size_t request) const {
  return request + 1 < requests_.size() ? requests_[request + 1].offset : buffer_.size();
}

}  // namespace warren::netlink
