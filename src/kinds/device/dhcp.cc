// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/device/dhcp.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netlink/link.h"
#include "netlink/route.h"
#include "sys/daemonize.h"
#include "sys/file.h"
#include "sys/netns.h"
#include "sys/process.h"
#include "types/dhcp.h"

namespace warren::device {
namespace {

using model::Device;
using model::Space;

constexpr int kRounds = 5;

std::string base(const Place& place, const Space& space, const Device& device) {
  return fmt::format("{}/dhcp/{}.{}", place.run, space.number, unsigned{device.index});
}

bool is_program(const std::string& path) { return ::access(path.c_str(), X_OK) == 0; }

/// What the client calls when it has a lease or loses it: installed below libexec, or built beside warren.
Result<std::string> find_hook() {
  std::array<char, 4096> path{};
  const auto size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  std::string dir(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  dir.resize(dir.rfind('/') == dir.npos ? 0 : dir.rfind('/'));
  for (const char* place : {"/../libexec/warren/dhcp-hook", "/../dhcp/dhcp-hook"})
    if (is_program(dir + place)) return dir + place;
  return fail(Code::failed, "libexec/warren/dhcp-hook is not installed beside " + dir);
}

/// The words by which a client inside the space is known to be that of this device.
std::vector<std::string> own_words(const Device& device, const std::string& hook) {
  return {"-i", device.name.str(), "-s", hook};
}

/// What a client called, which may outlive it.
bool is_its_hook(pid_t pid, const std::string& hook, const std::string& base) {
  if (!sys::command_of(pid).starts_with(hook)) return false;
  const auto environment = sys::read_file(fmt::format("/proc/{}/environ", pid));
  return environment &&
         environment->find(fmt::format("{}={}.lease", dhcp::kLease, base)) != environment->npos;
}

/// Those in the space that are this device's, also one whose starter was killed before it could say so.
std::vector<pid_t> find_clients(const Place& place, const Space& space, const Device& device) {
  std::vector<pid_t> found;
  if (const auto known = client_of(place, space, device)) found.push_back(*known);
  const auto own = sys::netns_id(place.pin(space.name.str()));
  const auto all = sys::processes();
  const auto hook = find_hook();
  if (!own || !all || !hook) return found;
  const auto words = fmt::format(" {}", fmt::join(own_words(device, *hook), " "));
  for (const auto& process : *all)
    if (process.netns == *own && sys::user_of(process.pid) == 0U &&
        (sys::command_of(process.pid).find(words) != std::string::npos ||
         is_its_hook(process.pid, *hook, base(place, space, device))))
      found.push_back(process.pid);
  return found;
}

/// Until there is none: one that ends may just have called its hook, which sets what it was told.
Status end_clients(const Place& place, const Space& space, const Device& device) {
  for (int round = 0; round < kRounds; ++round) {
    const auto found = find_clients(place, space, device);
    if (found.empty()) return {};
    TRY(sys::end_processes(found));
  }
  return fail(Code::failed, fmt::format("DHCP clients of {} are started again and again", device.name.str()));
}

/// What is the device's also without a lease stays.
Status undo_lease(const Device& device, const dhcp::Lease& lease, netlink::Socket& inside) {
  const auto index = netlink::link_index(inside, device.name);
  if (!index) return {};
  netlink::Batch batch;
  if (lease.router && std::ranges::find(device.gateways, *lease.router) == device.gateways.end()) {
    netlink::Route route;
    route.index = *index;
    route.gateway = *lease.router;
    route.metric = model::route_metric(device, Family::v4);
    netlink::delete_route(batch, route);
  }
  if (lease.address && std::ranges::find(device.addresses, *lease.address) == device.addresses.end())
    netlink::delete_address(batch, {*index, lease.address->ip, lease.address->prefix});
  return TRY(inside.run_all(batch)), Status();  // what is gone already is fine
}

}  // namespace

Result<std::vector<std::string>> find_client() {
  for (const auto& path : {"/usr/sbin/udhcpc", "/sbin/udhcpc", "/usr/bin/udhcpc"})
    if (is_program(path)) return std::vector<std::string>{path};
  for (const auto& path : {"/usr/bin/busybox", "/bin/busybox"})
    if (is_program(path)) return std::vector<std::string>{path, "udhcpc"};
  return fail(Code::unsupported, "there is no DHCP client: install the package udhcpc (or busybox)");
}

std::optional<pid_t> client_of(const Place& place, const Space& space, const Device& device) {
  const auto text = sys::read_file(base(place, space, device) + ".pid", 64);
  if (!text) return std::nullopt;
  pid_t pid = 0;
  const auto blank = text->find(' ');
  const auto [end, error] = std::from_chars(text->data(), text->data() + std::min(blank, text->size()), pid);
  if (error != std::errc{} || blank == text->npos || pid < 2) return std::nullopt;
  const auto began = sys::start_time_of(pid);
  if (!began || *began != text->substr(blank + 1)) return std::nullopt;
  return pid;
}

bool client_runs(const Place& place, const Space& space, const Device& device) {
  const auto pid = client_of(place, space, device);
  if (!pid) return false;
  const auto its = sys::netns_id(fmt::format("/proc/{}/ns/net", *pid));
  const auto own = sys::netns_id(place.pin(space.name.str()));
  return its && own && *its == *own;
}

Status start_client(const Place& place, const Space& space, const Device& device, int netns,
                    const Cidr& pool) {
  if (client_runs(place, space, device)) return {};
  // One of a namespace that was, or of a command that was killed.
  TRY(end_clients(place, space, device));
  sys::Detached program;
  program.command = TRY(find_client());
  for (const auto* word : {"-f", "-t", "4", "-T", "2", "-A", "5"}) program.command.emplace_back(word);
  program.command.insert(program.command.end(), {"-x", "hostname:" + space.name.str()});
  const auto hook = TRY(find_hook());
  for (auto& word : own_words(device, hook)) program.command.push_back(std::move(word));
  const auto path = base(place, space, device);
  program.environment = {
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
      fmt::format("{}={}", dhcp::kSpace, space.name.str()),
      fmt::format("{}={}.lease", dhcp::kLease, path),
      fmt::format("{}={}", dhcp::kMetric, model::route_metric(device, Family::v4)),
      fmt::format("{}={}", dhcp::kPool, pool.str()),
  };
  program.netns = netns;
  TRY(sys::make_directories(place.in_run("dhcp")));
  const auto pid = TRY(sys::start_detached(program));
  const auto began = sys::start_time_of(pid);
  if (!began) return fail(Code::failed, "the DHCP client ended at once");
  return sys::write_atomically(path + ".pid", fmt::format("{} {}", pid, *began));
}

bool has_client(const Place& place, const Space& space, const Device& device) {
  const auto path = base(place, space, device);
  return ::access((path + ".pid").c_str(), F_OK) == 0 || ::access((path + ".lease").c_str(), F_OK) == 0;
}

Status stop_client(const Place& place, const Space& space, const Device& device, netlink::Socket* inside) {
  TRY(end_clients(place, space, device));
  const auto path = base(place, space, device);
  if (const auto lease = sys::read_file(path + ".lease"); lease && inside)
    TRY(undo_lease(device, dhcp::Lease::parse(*lease), *inside));
  const auto resolv = dhcp::resolv_path(place.etc, space.name);
  const auto text = sys::read_file(resolv, 64 * 1024);
  if (text && text->starts_with(dhcp::marker(device.name))) ::unlink(resolv.c_str());
  for (const auto* end : {".lease", ".pid"})
    ::unlink((path + end).c_str());  // last: by these the rest is known
  return {};
}

bool is_of_client(pid_t pid) {
  const auto hook = find_hook();
  if (!hook || sys::user_of(pid) != 0U) return false;
  const auto command = sys::command_of(pid);
  // One that is just ending has a name alone.
  return command.starts_with(*hook) || command.ends_with(" -s " + *hook) || command == "[dhcp-hook]" ||
         command == "[udhcpc]" || command == "[busybox]";
}

}  // namespace warren::device
