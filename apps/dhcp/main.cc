// SPDX-License-Identifier: GPL-2.0-or-later
// dhcp-hook: called by udhcpc(8), inside the space's network namespace, when it gets a lease or loses it.
// What a DHCP server says comes through the environment, and is taken only where it parses as what it should
// be.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "netlink/link.h"
#include "netlink/route.h"
#include "sys/file.h"
#include "types/dhcp.h"

namespace warren::hook {
namespace {

constexpr std::size_t kMostServers = 3;  // as resolv.conf(5) has it
constexpr std::size_t kMostText = 64 * 1024;

std::string_view env(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::vector<Ip> addresses_in(std::string_view text) {
  std::vector<Ip> all;
  while (!text.empty()) {
    const auto blank = std::min(text.find(' '), text.size());
    if (const auto ip = Ip::parse(text.substr(0, blank)); ip && ip->is_v4() && !ip->is_loopback())
      all.push_back(*ip);
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return all;
}

std::uint32_t number_in(std::string_view text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

using dhcp::Lease;

/// The client's own output goes nowhere.
void report(const std::string& line) {
  fmt::print(stderr, "dhcp-hook: {}\n", line);
  ::syslog(LOG_DAEMON | LOG_WARNING, "%s", line.c_str());
}

Error refused(const IfName& interface, const std::string& what, const std::string& fault) {
  return {Code::failed, 0,
          fmt::format("{}: refused what a DHCP server offers: {} {}", interface.str(), what, fault)};
}

/// Only what can be one: the hook is root, the server is whoever answers first, and may want the traffic of
/// the space's other links.
Result<Lease> offered(const IfName& interface) {
  const auto pool = TRY(Cidr::parse(env(dhcp::kPool)));
  const auto prefix = env("mask");
  const auto text = fmt::format("{}/{}", env("ip"), prefix.empty() ? "32" : prefix);
  const auto address = IpPrefix::parse(text);
  if (!address) return std::unexpected(refused(interface, shown(text), "is no address"));
  if (const auto fault = dhcp::fault_of(*address, pool); !fault.empty())
    return std::unexpected(refused(interface, address->str(), fault));
  Lease lease{*address, {}};
  for (const auto& router : addresses_in(env("router"))) {
    const auto fault = router == address->ip ? "is the offered address itself" : dhcp::fault_of(router, pool);
    if (fault.empty()) {
      lease.router = router;
      break;
    }
    report(refused(interface, "router " + router.str(), fault).what);
  }
  return lease;
}

netlink::Route way(int index, const Ip& router) {
  netlink::Route route;
  route.index = index;
  route.gateway = router;
  route.metric = number_in(env(dhcp::kMetric));
  return route;
}

Status change(const IfName& interface, const Lease& before, const Lease& after) {
  auto socket = TRY(netlink::Socket::open(NETLINK_ROUTE));
  const int index = TRY(netlink::link_index(socket, interface));
  netlink::Batch batch;
  if (before.router && before.router != after.router)
    netlink::delete_route(batch, way(index, *before.router));
  if (before.address && before.address != after.address)
    netlink::delete_address(batch, {index, before.address->ip, before.address->prefix});
  netlink::LinkChange up;
  up.up = true;
  netlink::change_link(batch, interface, up);
  (void)TRY(socket.run_all(batch));  // what is gone already is fine
  batch.clear();
  if (after.address) netlink::add_address(batch, {index, after.address->ip, after.address->prefix});
  if (after.address && after.router) netlink::put_route(batch, way(index, *after.router));
  return batch.empty() ? Status() : socket.run(batch);
}

/// In place, so that it shows where the file is bound over /etc/resolv.conf. One that somebody else wrote
/// stays.
Status write_servers(const SpaceName& space, const IfName& interface) {
  auto text = dhcp::marker(interface);
  auto servers = addresses_in(env("dns"));
  if (servers.empty()) return {};
  servers.resize(std::min(servers.size(), kMostServers));
  for (const auto& server : servers) text += fmt::format("nameserver {}\n", server.str());
  const auto path = dhcp::resolv_path("/etc", space);
  TRY(sys::make_directories(path.substr(0, path.rfind('/'))));
  const auto present = sys::read_file(path, kMostText);
  if (present && !present->empty() && !present->starts_with(dhcp::marker(interface))) return {};
  const auto fd = TRY(sys::open_file(path, O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
  const auto written = ::pwrite(fd.get(), text.data(), text.size(), 0);
  if (written != static_cast<ssize_t>(text.size()) || ::ftruncate(fd.get(), written) != 0)
    return fail_errno(errno, "write " + path);
  return {};
}

Status run(std::string_view event) {
  const auto interface = TRY(IfName::parse(env("interface")));
  const auto space = TRY(SpaceName::parse(env(dhcp::kSpace)));
  const std::string path(env(dhcp::kLease));
  if (path.empty()) return fail(Code::usage, "is called by the DHCP client of a space");
  const auto before = Lease::parse(sys::read_file(path, kMostText).value_or(""));
  if (event == "deconfig") {
    TRY(change(interface, before, {}));
    return ::unlink(path.c_str()), Status();
  }
  if (event != "bound" && event != "renew") return {};
  const auto after = TRY(offered(interface));
  TRY(sys::write_atomically(path, after.str()));
  TRY(change(interface, before, after));
  return write_servers(space, interface);
}

}  // namespace
}  // namespace warren::hook

int main(int argc, char** argv) {
  try {
    const auto done = warren::hook::run(argc > 1 ? argv[1] : "");
    if (done) return 0;
    warren::hook::report(done.error().what);
    return 1;
  } catch (const std::exception& error) {
    fmt::print(stderr, "dhcp-hook: this is a bug: {}\n", error.what());
    return 70;  // EX_SOFTWARE
  }
}
