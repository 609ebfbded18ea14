// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/table.h"

#include <map>
#include <unistd.h>

#include "host/element_codec.h"
#include "netlink/nft_dump.h"
#include "netlink/nft_elements.h"
#include "sys/file.h"

namespace warren::host {
namespace {

std::string given_path(const Kernel& kernel) { return kernel.place().in_run("rules"); }
std::string listed_path(const Kernel& kernel) { return kernel.place().in_run("rules.listed"); }

bool file_says(const std::string& path, const std::string& text) {
  const auto kept = sys::read_file(path);
  return kept && *kept == text;
}

std::map<std::string, std::vector<netlink::ElementBytes>> by_set(const std::vector<Element>& elements) {
  std::map<std::pair<SetId, Family>, std::vector<netlink::ElementBytes>> sorted;
  for (const auto& element : elements) sorted[{element.set, element.family}].push_back(encode(element));
  std::map<std::string, std::vector<netlink::ElementBytes>> named;
  for (auto& [set, bytes] : sorted) named[nft::set_name(set.first, set.second)] = std::move(bytes);
  return named;
}

}  // namespace

Result<bool> has_table(Kernel& kernel) {
  return netlink::has_table(*TRY(kernel.netfilter()), std::string(nft::kTable));
}

Result<TableAge> age_of_table(Kernel& kernel, const nft::Rules& rules) {
  if (!TRY(has_table(kernel))) return TableAge::none;
  return file_says(given_path(kernel), nft::table_text(rules)) ? TableAge::current : TableAge::stale;
}

Result<TableState> look_at_table(Kernel& kernel, const nft::Rules& rules) {
  const auto listed = TRY(TRY(kernel.nft())->list_rules());
  TableState state;
  state.stands = !listed.empty();
  state.rules_right = state.stands && file_says(given_path(kernel), nft::table_text(rules)) &&
                      file_says(listed_path(kernel), listed);
  return state;
}

Status replace_table(Kernel& kernel, const nft::Rules& rules, const std::vector<Element>& elements) {
  auto& runner = *TRY(kernel.nft());
  const auto text = nft::table_text(rules);
  ::unlink(given_path(kernel).c_str());  // until both files tell of the new table, neither tells of any
  TRY(runner.run(text + nft::add_text(elements)));
  TRY(sys::write_atomically(listed_path(kernel), TRY(runner.list_rules())));
  return sys::write_atomically(given_path(kernel), text);
}

Status remove_table(Kernel& kernel) {
  TRY(TRY(kernel.nft())->run(nft::remove_text()));
  ::unlink(given_path(kernel).c_str());
  ::unlink(listed_path(kernel).c_str());
  return {};
}

Status change_elements(Kernel& kernel, const std::vector<Element>& remove, const std::vector<Element>& add) {
  if (remove.empty() && add.empty()) return {};
  netlink::ElementTransaction transaction{std::string(nft::kTable)};
  for (const auto& [set, bytes] : by_set(remove)) transaction.remove(set, bytes);
  for (const auto& [set, bytes] : by_set(add)) transaction.add(set, bytes);
  return transaction.commit(*TRY(kernel.netfilter()));
}

}  // namespace warren::host
