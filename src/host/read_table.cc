// SPDX-License-Identifier: GPL-2.0-or-later
#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "host/element_codec.h"
#include "host/table.h"
#include "netlink/nft_dump.h"

namespace warren::host {
namespace {

constexpr std::array kSets{SetId::sources, SetId::no_nat,    SetId::forwards, SetId::forwards_at,
                           SetId::ranges,  SetId::ranges_at, SetId::services, SetId::confined};

}  // namespace

Result<std::vector<CountedElement>> read_counted(Kernel& kernel, SetId set, Family family) {
  std::vector<CountedElement> all;
  const auto status = netlink::dump_set(
      *TRY(kernel.netfilter()), std::string(nft::kTable), nft::set_name(set, family), [&] { all.clear(); },
      [&](const netlink::RawElement& raw) {
        if (auto element = decode(raw, set, family)) all.push_back({std::move(*element), raw.packets});
      });
  if (!status && status.error().code != Code::not_found) return std::unexpected(status.error());
  return all;
}

Result<std::vector<CountedElement>> find_counted(Kernel& kernel, const std::vector<Element>& elements) {
  std::map<std::pair<SetId, Family>, std::vector<netlink::FieldBytes>> keys;
  for (const auto& element : elements) keys[{element.set, element.family}].push_back(encode(element).key);
  std::vector<CountedElement> all;
  for (const auto& [of, wanted] : keys) {
    const auto [set, family] = of;
    TRY(netlink::find_elements(*TRY(kernel.netfilter()), std::string(nft::kTable), nft::set_name(set, family),
                               wanted, [&, set = set, family = family](const netlink::RawElement& raw) {
                                 if (auto element = decode(raw, set, family))
                                   all.push_back({std::move(*element), raw.packets});
                               }));
  }
  // Another may have the key, or a range that it lies in.
  std::erase_if(all,
                [&](const auto& one) { return std::ranges::find(elements, one.element) == elements.end(); });
  return all;
}

Result<std::vector<Element>> read_elements(Kernel& kernel) {
  std::vector<Element> all;
  for (const auto set : kSets)
    for (const auto family : {Family::v4, Family::v6}) {
      if (family == Family::v6 && has_one_family(set)) continue;
      for (auto& counted : TRY(read_counted(kernel, set, family))) all.push_back(std::move(counted.element));
    }
  std::ranges::sort(all);
  return all;
}

Result<std::vector<Refused>> read_refused(Kernel& kernel, const std::string& set) {
  std::vector<Refused> all;
  const auto status = netlink::dump_set(
      *TRY(kernel.netfilter()), std::string(nft::kTable), set, [&] { all.clear(); },
      [&](const netlink::RawElement& raw) {
        all.push_back({interface_key(raw), raw.packets});
      });
  if (!status && status.error().code != Code::not_found) return std::unexpected(status.error());
  return all;
}

Result<std::vector<Refused>> find_refused(Kernel& kernel, const std::string& set,
                                          const std::vector<IfName>& interfaces) {
  std::vector<netlink::FieldBytes> keys;
  for (const auto& interface : interfaces) keys.push_back(encode_interface(interface));
  std::vector<Refused> all;
  TRY(netlink::find_elements(*TRY(kernel.netfilter()), std::string(nft::kTable), set, keys,
                             [&](const netlink::RawElement& raw) {
                               all.push_back({interface_key(raw), raw.packets});
                             }));
  return all;
}

}  // namespace warren::host
