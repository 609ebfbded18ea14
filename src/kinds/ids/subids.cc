// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/ids/subids.h"

#include "kinds/ids/uses.h"
#include "model/subid.h"
#include "store/ids.h"
#include "sys/etc_file.h"

namespace warren::ids {
namespace {

std::vector<std::string> both(const Place& place) { return {place.in_etc("subuid"), place.in_etc("subgid")}; }

/// Puts our lines into the files, or takes them out, after all of them were read. The store is asked under
/// the lock: who comes last writes what is newest.
Result<std::vector<std::string>> put(const Place& place, store::Store& store, bool remove,
                                     const std::vector<std::string>& paths) {
  const auto lock = TRY(sys::EtcLock::take(both(place)));
  const auto blocks = TRY(store.ids().blocks());
  const auto section = remove ? std::nullopt : std::optional(model::subid_lines(blocks));
  std::vector<std::pair<std::string, std::string>> changes;
  for (const auto& path : paths) {
    const auto text = TRY(sys::read_etc_file(path)).value_or("");
    auto next = model::SubidFile::parse(text, blocks).with(section);
    if (next != text) changes.emplace_back(path, std::move(next));
  }
  std::vector<std::string> changed;
  for (const auto& [path, text] : changes) {
    TRY(sys::replace_etc_file(lock, path, text));
    changed.push_back(path);
  }
  return changed;
}

}  // namespace

Result<std::vector<std::string>> write_subids(const Place& place, store::Store& store, bool remove) {
  return put(place, store, remove, both(place));
}

Result<std::vector<std::string>> stale_subids(const Place& place, store::Store& store) {
  const auto blocks = TRY(store.ids().blocks());
  std::vector<std::string> stale;
  for (const auto& path : both(place)) {
    const auto text = TRY(sys::read_etc_file(path));
    if (!text) continue;
    const auto file = model::SubidFile::parse(*text, blocks);
    if (file.marked && file.lines != model::subid_lines(blocks)) stale.push_back(path);
  }
  return stale;
}

Result<std::vector<std::string>> mend_subids(const Place& place, store::Store& store) {
  const auto stale = TRY(stale_subids(place, store));
  if (stale.empty() && sys::EtcLock::left_behind(both(place))) TRY(sys::EtcLock::take(both(place)));
  if (stale.empty()) return stale;
  return put(place, store, false, stale);
}

}  // namespace warren::ids
