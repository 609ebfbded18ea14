// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

// The attributes of a list of elements of an nft set, which are the same in what is asked and in what is
// changed. For the .cc files of this folder.

#include <cstddef>
#include <linux/netfilter/nf_tables.h>
#include <span>
#include <string_view>

#include "netlink/batch.h"

namespace warren::netlink {

struct ListScope;
struct ElementsScope;
struct ElementScope;
struct DataScope;

inline constexpr Attr<ListScope, NFTA_SET_ELEM_LIST_TABLE, std::string_view> kListTable;
inline constexpr Attr<ListScope, NFTA_SET_ELEM_LIST_SET, std::string_view> kListSet;
inline constexpr Attr<ListScope, NFTA_SET_ELEM_LIST_ELEMENTS, Nest<ElementsScope>> kElements;
inline constexpr Attr<ElementsScope, NFTA_LIST_ELEM, Nest<ElementScope>> kElement;
inline constexpr Attr<ElementScope, NFTA_SET_ELEM_KEY, Nest<DataScope>> kKey;
inline constexpr Attr<ElementScope, NFTA_SET_ELEM_KEY_END, Nest<DataScope>> kKeyEnd;
inline constexpr Attr<ElementScope, NFTA_SET_ELEM_DATA, Nest<DataScope>> kData;
inline constexpr Attr<DataScope, NFTA_DATA_VALUE, std::span<const std::byte>> kValue;

}  // namespace warren::netlink
