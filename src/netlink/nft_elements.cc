// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nft_elements.h"

#include <netinet/in.h>  // before the kernel's own, which then leaves these types out

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "netlink/nfnl.h"
#include "netlink/nft_attributes.h"

namespace warren::netlink {
namespace {

// A nest's length has 16 bits; the longest element takes less than 160 bytes.
constexpr std::size_t kElementsARequest = 400;

void put_element(Writer<ElementsScope>& list, const ElementBytes& element) {
  auto writer = list.nest(kElement);
  writer.nest(kKey).put(kValue, element.key.bytes());
  if (!element.key_end.bytes().empty()) writer.nest(kKeyEnd).put(kValue, element.key_end.bytes());
  if (!element.data.bytes().empty()) writer.nest(kData).put(kValue, element.data.bytes());
}

void bound(Batch& batch, std::uint16_t type, std::string_view what) {
  auto header = nfnl::header(NFPROTO_UNSPEC);
  header.res_id = htons(NFNL_SUBSYS_NFTABLES);
  (void)batch.add<nfnl::NoAttributes>(type, 0, header, what);
}

}  // namespace

FieldBytes& FieldBytes::add(const void* data, std::size_t size) {
  std::memcpy(bytes_.data() + size_, data, std::min(size, kMost - size_));
  size_ = std::min(kMost, (size_ + size + 3) / 4 * 4);
  return *this;
}

ElementTransaction::ElementTransaction(std::string table) : table_(std::move(table)) {
  bound(batch_, NFNL_MSG_BATCH_BEGIN, "begin an nft transaction");
}

void ElementTransaction::put(std::uint16_t type, std::uint16_t flags, std::string_view what,
                             const std::string& set, std::span<const ElementBytes> elements) {
  while (!elements.empty()) {
    const auto some = elements.first(std::min(elements.size(), kElementsARequest));
    elements = elements.subspan(some.size());
    auto request = batch_.add<ListScope>(nfnl::type(NFNL_SUBSYS_NFTABLES, type), flags,
                                         nfnl::header(NFPROTO_INET), what);
    request.put(kListTable, with_zero(table_)).put(kListSet, with_zero(set));
    auto list = request.nest(kElements);
    for (const auto& element : some) put_element(list, element);
  }
}

void ElementTransaction::remove(const std::string& set, std::span<const ElementBytes> elements) {
  put(NFT_MSG_DELSETELEM, 0, "delete from an nft set", set, elements);
}

void ElementTransaction::add(const std::string& set, std::span<const ElementBytes> elements) {
  put(NFT_MSG_NEWSETELEM, NLM_F_CREATE, "add to an nft set", set, elements);
}

Status ElementTransaction::commit(Socket& socket) {
  bound(batch_, NFNL_MSG_BATCH_END, "end an nft transaction");
  auto status = socket.transact(batch_);
  if (!status && status.error().sys == EBUSY) status.error().code = Code::exists;  // with another value
  return status;
}

}  // namespace warren::netlink
