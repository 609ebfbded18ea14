// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/ids/uses.h"

#include <dirent.h>

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <sys/stat.h>

#include "model/subid.h"
#include "sys/etc_file.h"
#include "sys/live_ids.h"
#include "sys/process.h"
#include "sys/user.h"
#include "sys/userns.h"

namespace warren::ids {
namespace {

using model::IdUse;

Status add_subids(const std::string& path, const std::vector<model::IdBlock>& blocks,
                  std::vector<IdUse>& to) {
  const auto text = TRY(sys::read_etc_file(path));
  if (!text) return {};
  std::ranges::move(model::SubidFile::parse(*text, blocks).uses(path), std::back_inserter(to));
  return {};
}

Status add_accounts(std::vector<IdUse>& to) {
  for (const auto& account : TRY(sys::accounts()))
    if (account.id >= model::kFirstBlockId && account.id <= kLastId)
      to.push_back({{account.id, 1},
                    fmt::format("{} {}", account.group ? "the group" : "the user", shown(account.name))});
  return {};
}

/// systemd-nspawn --private-users=pick gives each tree 65,536 IDs, and keeps them as the owner of the tree.
void add_machines(std::vector<IdUse>& to) {
  constexpr const char* path = "/var/lib/machines";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path), ::closedir);
  while (const auto* entry = directory ? ::readdir(directory.get()) : nullptr) {
    const auto tree = fmt::format("{}/{}", path, entry->d_name);
    struct stat file {};
    if (entry->d_name[0] == '.' || ::lstat(tree.c_str(), &file) != 0) continue;
    if (file.st_uid >= model::kFirstBlockId && file.st_uid <= kLastId - 65535)
      to.push_back({{file.st_uid & 0xffff0000U, 65536}, fmt::format("systemd-nspawn for {}", shown(tree))});
  }
}

std::string holder_text(const sys::LiveIds& live) {
  if (live.pid == 0) return "the network of space " + live.pin;  // until that is made anew
  return fmt::format("the user namespace of PID {} ({})", live.pid, shown(sys::command_of(live.pid)));
}

/// Does it show all of the host's IDs as they are? Then it takes none of them from anybody, as does the
/// host's own; systemd's PrivateUsers=full writes it in two lines.
bool shows_all(const std::vector<IdRun>& runs) {
  std::uint64_t sum = 0;
  for (const auto& run : runs)
    if (run.inside == run.outside) sum += run.count;
  return sum > kLastId;
}

Result<std::vector<IdUse>> live_uses(const Place& place) {
  std::vector<IdUse> all;
  for (const auto& live : TRY(sys::live_ids(place)))
    for (const auto* runs : {&live.runs.uid, &live.runs.gid}) {
      if (shows_all(*runs)) continue;
      for (const auto& run : *runs)
        if (const auto range = IdRange::make(run.outside, run.count))
          all.push_back({*range, holder_text(live)});
    }
  return all;
}

std::unexpected<Error> in_use(std::string_view what, std::string_view who) {
  return fail(Code::failed, fmt::format("{} is in use by {}: end it first", what, who));
}

}  // namespace

Result<std::vector<IdUse>> written_uses(const Place& place, const std::vector<model::IdBlock>& blocks) {
  auto all = model::reserved_ids();
  TRY(add_subids(place.in_etc("subuid"), blocks, all));
  TRY(add_subids(place.in_etc("subgid"), blocks, all));
  TRY(add_accounts(all));
  add_machines(all);
  return all;
}

Result<std::vector<IdUse>> other_uses(const Place& place, const std::vector<model::IdBlock>& blocks) {
  auto all = TRY(written_uses(place, blocks));
  std::ranges::move(TRY(live_uses(place)), std::back_inserter(all));
  return all;
}

Status check_unused(const Place& place, const IdRange& range) {
  const auto uses = TRY(live_uses(place));
  const auto* use = model::user_of(range, uses);
  return use ? in_use("the block " + range.str(), use->who) : Status();
}

Status check_unused(const Place& place, const model::IdMap& map, const IdRange& block) {
  const auto told = sys::sorted(model::runs(map, block));
  for (const auto& live : TRY(sys::live_ids(place)))
    if (live.runs == told) return in_use(fmt::format("map '{}'", map.name.str()), holder_text(live));
  return {};
}

}  // namespace warren::ids
