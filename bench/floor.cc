// SPDX-License-Identifier: GPL-2.0-or-later
// The floor that warren is measured against: the same links, addresses, routes and neighbours of N spaces, by
// raw rtnetlink from one process, without plan, store or nft. It is what the kernel itself costs, so it does
// each thing the cheapest way that is known: two messages batches a space, one acknowledgement each,
// interface indexes chosen beforehand so that nothing has to be looked up.
//
//   warren-floor COUNT [--teardown] [--routes-last]
//       makes spaces floor2.. in this host; --teardown removes them again, until the kernel is done with
//       them;
//       --routes-last adds the v6 host routes when all links stand (each link that comes up makes the kernel
//       walk all v6 routes)
//   warren-floor --settle
//       waits until the kernel has taken apart what somebody else removed
//
// Prints one JSON object. Meant for the throw-away host only: it owns link group 30561 there.
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "floor_netlink.h"

namespace {

using floor_bench::Batch, floor_bench::fail, floor_bench::Socket;

constexpr std::uint32_t kGroup = 30561;
constexpr std::uint32_t kMtu = 1500;
constexpr int kFirst = 2;                    // number 1 is the host
constexpr int kHostIndexBase = 100000;       // host ends get index base + number
constexpr int kInsideIndex = 2;              // lo is 1
constexpr std::uint32_t kPool = 0x64400000;  // 100.64.0.0

using Clock = std::chrono::steady_clock;
using Mac = std::array<std::uint8_t, 6>;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

in_addr v4(int number) { return {htonl(kPool + static_cast<std::uint32_t>(number))}; }

in6_addr v6(int number, std::uint16_t host) {
  in6_addr address{};
  address.s6_addr[0] = 0xfd;
  address.s6_addr16[3] = htons(static_cast<std::uint16_t>(number));
  address.s6_addr16[7] = htons(host);
  return address;
}

in6_addr link_gateway() {
  in6_addr address{};
  address.s6_addr[0] = 0xfe;
  address.s6_addr[1] = 0x80;
  address.s6_addr[15] = 1;
  return address;
}

Mac mac(int number, bool host_end) {
  const auto high = static_cast<std::uint8_t>(number >> 8);
  const auto low = static_cast<std::uint8_t>(number);
  return {2, 0, 0, high, low, static_cast<std::uint8_t>(host_end ? 0x80 : 0)};
}

// --- messages

void put_link_attributes(nlmsghdr* message, const std::string& name, const Mac& address) {
  mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
  mnl_attr_put(message, IFLA_ADDRESS, address.size(), address.data());
  mnl_attr_put_u32(message, IFLA_MTU, kMtu);
}

// The veth pair, its peer born inside the space.
void add_veth(Batch& batch, int number, int space_fd) {
  nlmsghdr* message = batch.add(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  batch.header<ifinfomsg>()->ifi_index = kHostIndexBase + number;
  const std::string name = "veth_f" + std::to_string(number);
  put_link_attributes(message, name + "_o", mac(number, true));
  mnl_attr_put_u32(message, IFLA_GROUP, kGroup);
  nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
  mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
  nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
  nlattr* peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
  batch.header<ifinfomsg>()->ifi_index = kInsideIndex;
  put_link_attributes(message, name, mac(number, false));
  mnl_attr_put_u32(message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(space_fd));
  mnl_attr_nest_end(message, peer);
  mnl_attr_nest_end(message, data);
  mnl_attr_nest_end(message, info);
  batch.done();
}

void set_up(Batch& batch, int index, unsigned flags) {
  batch.add(RTM_NEWLINK, 0);
  auto* header = batch.header<ifinfomsg>();
  header->ifi_index = index;
  header->ifi_flags = header->ifi_change = IFF_UP | flags;
  batch.done();
}

// Up without ARP, NDP and IPv6 autoconfiguration: nothing on the link is to be discovered. The mode goes in a
// message of its own, since one that sets both brings the link up first, and an address is made by then.
void set_quiet_up(Batch& batch, int index) {
  nlmsghdr* message = batch.add(RTM_NEWLINK, 0);
  batch.header<ifinfomsg>()->ifi_index = index;
  nlattr* spec = mnl_attr_nest_start(message, IFLA_AF_SPEC);
  nlattr* inet6 = mnl_attr_nest_start(message, AF_INET6);
  mnl_attr_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  mnl_attr_nest_end(message, inet6);
  mnl_attr_nest_end(message, spec);
  batch.done();
  set_up(batch, index, IFF_NOARP);
}

template <typename Address>
constexpr std::uint8_t kFamily = sizeof(Address) == sizeof(in_addr) ? AF_INET : AF_INET6;

template <typename Address>
void add_address(Batch& batch, int index, const Address& address) {
  nlmsghdr* message = batch.add(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE);
  auto* header = batch.header<ifaddrmsg>();
  header->ifa_family = kFamily<Address>;
  header->ifa_prefixlen = sizeof(Address) * 8;
  header->ifa_flags = kFamily<Address> == AF_INET6 ? IFA_F_NODAD : 0;
  header->ifa_index = static_cast<std::uint32_t>(index);
  mnl_attr_put(message, IFA_LOCAL, sizeof(Address), &address);
  mnl_attr_put(message, IFA_ADDRESS, sizeof(Address), &address);
  batch.done();
}

rtmsg* start_route(Batch& batch, std::uint8_t family, int index) {
  nlmsghdr* message = batch.add(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  auto* header = batch.header<rtmsg>();
  header->rtm_family = family;
  header->rtm_table = RT_TABLE_MAIN;
  header->rtm_protocol = RTPROT_STATIC;
  header->rtm_type = RTN_UNICAST;
  mnl_attr_put_u32(message, RTA_OIF, static_cast<std::uint32_t>(index));
  return header;
}

template <typename Address>
void add_default_route(Batch& batch, int index, const Address& gateway) {
  rtmsg* header = start_route(batch, kFamily<Address>, index);
  header->rtm_flags = RTNH_F_ONLINK;
  mnl_attr_put(batch.current(), RTA_GATEWAY, sizeof(Address), &gateway);
  batch.done();
}

template <typename Address>
void add_host_route(Batch& batch, int index, const Address& to, const Address& source) {
  rtmsg* header = start_route(batch, kFamily<Address>, index);
  header->rtm_dst_len = sizeof(Address) * 8;
  header->rtm_scope = kFamily<Address> == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  mnl_attr_put(batch.current(), RTA_DST, sizeof(Address), &to);
  mnl_attr_put(batch.current(), RTA_PREFSRC, sizeof(Address), &source);
  batch.done();
}

template <typename Address>
void add_neighbour(Batch& batch, int index, const Address& address, const Mac& at) {
  nlmsghdr* message = batch.add(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  auto* header = batch.header<ndmsg>();
  header->ndm_family = kFamily<Address>;
  header->ndm_ifindex = index;
  header->ndm_state = NUD_PERMANENT;
  mnl_attr_put(message, NDA_DST, sizeof(Address), &address);
  mnl_attr_put(message, NDA_LLADDR, at.size(), at.data());
  batch.done();
}

// --- spaces

std::string pin_path(int number) { return "/run/netns/floor" + std::to_string(number); }

// A new namespace, pinned; the thread stays in it (the next one is made from there just as well).
int make_namespace(int number) {
  constexpr const char* kOwn = "/proc/thread-self/ns/net";
  if (unshare(CLONE_NEWNET) != 0) fail("unshare");
  const int file = open(pin_path(number).c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  if (file < 0) fail(pin_path(number));
  close(file);
  if (mount(kOwn, pin_path(number).c_str(), "none", MS_BIND, nullptr) != 0) fail("pin");
  const int fd = open(kOwn, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(kOwn);
  return fd;
}

// The gateway addresses, once, on the host's lo.
void make_gateway(Socket& host, Batch& batch) {
  batch.clear();
  add_address(batch, 1, v4(1));
  add_address(batch, 1, v6(1, 1));
  host.send(batch);
}

void make_inside(Batch& batch, int number) {
  Socket inside;
  batch.clear();
  set_up(batch, 1, 0);
  set_quiet_up(batch, kInsideIndex);
  add_address(batch, kInsideIndex, v4(number));
  add_address(batch, kInsideIndex, v6(number, 2));
  add_neighbour(batch, kInsideIndex, v4(1), mac(number, true));
  add_neighbour(batch, kInsideIndex, link_gateway(), mac(number, true));
  add_default_route(batch, kInsideIndex, v4(1));
  add_default_route(batch, kInsideIndex, link_gateway());
  inside.send(batch);
}

void add_v6_host_route(Batch& batch, int number) {
  add_host_route(batch, kHostIndexBase + number, v6(number, 2), v6(1, 1));
}

void make_space(Socket& host, Batch& batch, int number, bool with_v6_route) {
  const int fd = make_namespace(number);
  const int index = kHostIndexBase + number;
  batch.clear();
  add_veth(batch, number, fd);
  set_quiet_up(batch, index);
  add_neighbour(batch, index, v4(number), mac(number, false));
  add_neighbour(batch, index, v6(number, 2), mac(number, false));
  add_host_route(batch, index, v4(number), v4(1));
  if (with_v6_route) add_v6_host_route(batch, number);
  host.send(batch);
  make_inside(batch, number);
  close(fd);
}

// Made and let go when the kernel's one worker is through with all namespaces that were let go before: its
// own end, seen by its veth, says that they are gone.
void wait_for_namespaces(Socket& host, Batch& batch) {
  const int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  if (unshare(CLONE_NEWNET) != 0) fail("unshare");
  const int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  batch.clear();
  add_veth(batch, 0, fd);
  host.send(batch);
  close(fd);
  if (setns(home, CLONE_NEWNET) != 0) fail("setns");
  close(home);
}

// Waits until the kernel has no link of the group and no namespace left to take apart.
void settle(Socket& host, Batch& batch) {
  while (host.count_links(kGroup) > 0) usleep(1000);
  wait_for_namespaces(host, batch);
  while (host.count_links(kGroup) > 0) usleep(1000);
}

void delete_group(Socket& host, Batch& batch) {
  nlmsghdr* message = batch.add(RTM_DELLINK, 0);
  batch.header<ifinfomsg>();
  mnl_attr_put_u32(message, IFLA_GROUP, kGroup);
  batch.done();
  host.send(batch);
}

void unpin(int count) {
  for (int number = kFirst; number < kFirst + count; ++number) {
    if (umount2(pin_path(number).c_str(), MNT_DETACH) != 0) fail("unpin");
    unlink(pin_path(number).c_str());
  }
}

// The v6 host routes of all spaces in one go.
void add_v6_host_routes(Socket& host, Batch& batch, int count) {
  for (int number = kFirst; number < kFirst + count;) {
    batch.clear();
    for (int end = std::min(number + 256, kFirst + count); number < end; ++number) {
      add_v6_host_route(batch, number);
    }
    host.send(batch);
  }
}

void create(Socket& host, Batch& batch, int count, bool routes_last) {
  const int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  const auto start = Clock::now();
  make_gateway(host, batch);
  for (int number = kFirst; number < kFirst + count; ++number) make_space(host, batch, number, !routes_last);
  if (routes_last) add_v6_host_routes(host, batch, count);
  const double took = seconds_since(start);
  std::printf(R"("count": %d, "create_s": %.6f, "create_ms_each": %.4f)", count, took, took * 1e3 / count);
  if (setns(home, CLONE_NEWNET) != 0) fail("setns");
  close(home);
}

// One message takes down all links, which is several times cheaper than one each.
void remove_all(Socket& host, Batch& batch, int count) {
  const auto start = Clock::now();
  batch.clear();
  delete_group(host, batch);
  unpin(count);
  const double returned = seconds_since(start);
  settle(host, batch);
  const double gone = seconds_since(start);
  std::printf(R"(, "unpinned_s": %.6f, "teardown_s": %.6f, "teardown_ms_each": %.4f)", returned, gone,
              gone * 1e3 / count);
}

struct Options {
  int count = 0;
  bool teardown = false, routes_last = false, settle = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--teardown")
      options.teardown = true;
    else if (word == "--routes-last")
      options.routes_last = true;
    else if (word == "--settle")
      options.settle = true;
    else
      options.count = std::atoi(argv[i]);
  }
  if (!options.settle && (options.count < 1 || options.count > 60000)) {
    throw std::invalid_argument("usage: warren-floor COUNT [--teardown] [--routes-last] | --settle");
  }
  return options;
}

void run(const Options& options) {
  Socket host;
  Batch batch;
  std::printf("{");
  if (options.settle) {
    const auto start = Clock::now();
    settle(host, batch);
    std::printf(R"("settle_s": %.6f)", seconds_since(start));
  } else {
    create(host, batch, options.count, options.routes_last);
    if (options.teardown) remove_all(host, batch, options.count);
  }
  std::puts("}");
}

}  // namespace

int main(int argc, char** argv) try {
  run(parse(argc, argv));
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "warren-floor: %s\n", error.what());
  return 1;
}
