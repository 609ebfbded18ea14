// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply/subids.h"

#include "apply/id_uses.h"
#include "model/subid.h"
#include "sys/etc_file.h"

namespace warren::apply {
namespace {

Result<std::optional<std::string>> read(const std::string& path) { return sys::read_etc_file(path); }

Result<model::SubidFile> parse(const std::string& path, const std::optional<std::string>& text) {
  return TRY_WRAP(path, model::SubidFile::parse(text.value_or("")));
}

std::vector<std::string> both() { return {kSubuidPath, kSubgidPath}; }

using Section = std::optional<std::string>;

/// Puts the section into both files, after both were found fit for it.
Result<std::vector<std::string>> put(const Section& section, const std::vector<std::string>& paths) {
  const auto lock = TRY(sys::EtcLock::take(paths));
  std::vector<std::pair<std::string, std::string>> changes;
  for (const auto& path : paths) {
    const auto text = TRY(read(path));
    auto file = TRY(parse(path, text));
    file.section = section;
    auto next = file.str();
    if (next != text.value_or("")) changes.emplace_back(path, std::move(next));
  }
  std::vector<std::string> changed;
  for (const auto& [path, text] : changes) {
    TRY(sys::replace_etc_file(lock, path, text));
    changed.push_back(path);
  }
  return changed;
}

}  // namespace

Result<std::vector<std::string>> write_subids(store::Store& store, bool remove) {
  return put(remove ? Section() : Section(model::subid_section(TRY(store.id_blocks()))), both());
}

Result<std::vector<std::string>> stale_subids(store::Store& store) {
  std::vector<std::string> stale;
  Section wanted;
  for (const auto& path : both()) {
    const auto text = TRY(read(path));
    if (!text || text->find("# BEGIN warren") == text->npos) continue;
    if (!wanted) wanted = model::subid_section(TRY(store.id_blocks()));
    const auto file = TRY(parse(path, text));
    if (file.section && *file.section != *wanted) stale.push_back(path);
  }
  return stale;
}

Result<std::vector<std::string>> mend_subids(store::Store& store) {
  const auto stale = TRY(stale_subids(store));
  if (stale.empty()) return stale;
  return put(model::subid_section(TRY(store.id_blocks())), stale);
}

}  // namespace warren::apply
