// SPDX-License-Identifier: GPL-2.0-or-later
#include "view/events.h"

#include <fmt/format.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "host/listen.h"
#include "model/derive.h"
#include "netlink/link.h"
#include "netlink/nft_dump.h"
#include "nft/table.h"
#include "store/spaces.h"
#include "sys/file.h"

namespace warren::view {
namespace {

/// The store's own files change a moment before what they say can be read; who changed it closes the lock
/// when it can.
Result<UniqueFd> watch_files(const Place& place) {
  const auto store = std::filesystem::path(place.store).parent_path().string();
  for (const auto& directory : {store, place.run}) TRY(sys::make_directories(directory));
  UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (fd.valid() && ::inotify_add_watch(fd.get(), store.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) >= 0 &&
      ::inotify_add_watch(fd.get(), place.run.c_str(), IN_CLOSE_WRITE) >= 0)
    return fd;
  return fail_errno(errno, "watch " + store);
}

void drain(int fd) {
  std::array<char, 4096> buffer;
  while (::read(fd, buffer.data(), buffer.size()) > 0) continue;
}

using model::Space;

void compare_forwards(const Space& before, const Space& after, const Watch::Tell& tell) {
  const auto told = [&](const std::vector<model::Forward>& all, const std::vector<model::Forward>& other,
                        const char* event) {
    for (const auto& forward : all)
      if (std::ranges::find(other, forward) == other.end()) tell({event, after.name.str(), forward.str()});
  };
  told(before.forwards, after.forwards, "forward-removed");
  told(after.forwards, before.forwards, "forward-added");
}

/// That of the same index, which another gets only once the first is gone.
const model::Device* find_device(const Space& space, std::uint8_t index) {
  const auto found = std::ranges::find(space.devices, index, &model::Device::index);
  return found != space.devices.end() && !found->leaving ? &*found : nullptr;
}

void compare_devices(const Space& before, const Space& after, const Watch::Tell& tell) {
  const auto told = [&](const model::Device& device, const char* event) {
    tell({event, after.name.str(), model::str(device)});
  };
  for (const auto& device : before.devices)
    if (!device.leaving && !find_device(after, device.index)) told(device, "device-removed");
  for (const auto& device : after.devices) {
    const auto* const had = find_device(before, device.index);
    if (device.leaving || (had && had->same_wish(device))) continue;
    told(device, had ? "device-changed" : "device-added");
  }
}

void compare(const Space& before, const Space& after, const Watch::Tell& tell) {
  if (before.state != after.state) tell({fmt::format("space-{}", name(after.state)), after.name.str(), ""});
  if (before.nat != after.nat) tell({"nat-changed", after.name.str(), after.nat ? "on" : "off"});
  if (before.ip4 != after.ip4 || before.ip6 != after.ip6) tell({"address-changed", after.name.str(), ""});
  compare_forwards(before, after, tell);
  compare_devices(before, after, tell);
}

}  // namespace

Json Event::json() const {
  return Json{{"event", event}, {"space", space.empty() ? Json(nullptr) : Json(space)}, {"detail", detail}};
}

std::string Event::line() const {
  return fmt::format("{}{}{}{}{}", event, space.empty() ? "" : " ", space, detail.empty() ? "" : ": ",
                     detail);
}

Result<Watch> Watch::open(const Place& place, store::Store store, model::Settings settings) {
  auto files = TRY(watch_files(place));
  auto route = TRY(host::listen_to(NETLINK_ROUTE, {RTNLGRP_LINK}));
  auto netfilter = TRY(host::listen_to(NETLINK_NETFILTER, {NFNLGRP_NFTABLES}));
  Watch watch(place, std::move(store), std::move(settings), std::move(route), std::move(netfilter),
              std::move(files));
  TRY(watch.remember());
  auto socket = TRY(netlink::Socket::open(NETLINK_ROUTE));
  const auto links = TRY(netlink::dump_links(socket));
  for (const auto& link : links)
    if ((link.group == model::kLinkGroup || link.group == model::kDeviceGroup) && link.up)
      watch.up_.insert(link.name);
  return watch;
}

Status Watch::remember() {
  known_.clear();
  auto spaces = TRY(store_.spaces().all());
  for (auto& space : spaces) {
    auto name = space.name;
    known_.emplace(std::move(name), std::move(space));
  }
  return {};
}

Status Watch::read_store(const Tell& tell) {
  drain(files_.get());
  const auto before = known_;
  // The store may have been made after we began: what was opened then stays empty for ever.
  store_ = TRY(store::Store::open_read_only(place_.store));
  TRY(remember());
  for (const auto& [name, space] : before)
    if (!known_.contains(name)) tell({"space-removed", name.str(), ""});
  for (const auto& [name, space] : known_) {
    const auto found = before.find(name);
    if (found != before.end()) {
      compare(found->second, space, tell);
      continue;
    }
    tell({"space-added", name.str(), fmt::format("number {}", space.number)});
    compare_forwards({}, space, tell);
    compare_devices({}, space, tell);
  }
  return {};
}

Status Watch::read_links(const Tell& tell) {
  const bool all = TRY(route_.receive([&](const netlink::MessageView& message) {
    const auto news = host::link_news(message);
    constexpr std::array kGroups{model::kLinkGroup, model::kDeviceGroup, model::kLeavingGroup};
    if (!news || std::ranges::find(kGroups, news->link.group) == kGroups.end()) return;
    const auto& name = news->link.name;
    if (!news->gone && news->link.up) return void(up_.insert(name));
    const bool was_up = up_.erase(name) != 0;  // a link that is just being made is no news
    if (news->gone || was_up) tell({news->gone ? "link-gone" : "link-down", "", name});
  }));
  if (!all) tell({"events-lost", "", "links"});
  return {};
}

Status Watch::read_ruleset(const Tell& tell) {
  bool changed = false;
  const bool all = TRY(netfilter_.receive([&](const netlink::MessageView& message) {
    const auto change = rules_.take(message);
    if (!change) return;
    changed = true;
    tell({"ruleset-changed", "", "by " + change->by});
  }));
  if (!all) tell({"events-lost", "", "ruleset"});
  if (!changed && all) return {};
  auto socket = TRY(netlink::Socket::open(NETLINK_NETFILTER));
  if (!known_.empty() && !TRY(netlink::has_table(socket, std::string(nft::kTable))))
    tell({"table-gone", "", "inet warren; `warren up` puts it back"});
  return {};
}

Status Watch::run(const Tell& tell) {
  for (;;) {
    std::array<pollfd, 3> sources{pollfd{files_.get(), POLLIN, 0}, pollfd{route_.fd(), POLLIN, 0},
                                  pollfd{netfilter_.fd(), POLLIN, 0}};
    if (::poll(sources.data(), sources.size(), -1) < 0 && errno != EINTR)
      return fail_errno(errno, "wait for events");
    if (sources[0].revents) TRY(read_store(tell));
    if (sources[1].revents) TRY(read_links(tell));
    if (sources[2].revents) TRY(read_ruleset(tell));
  }
}

}  // namespace warren::view
