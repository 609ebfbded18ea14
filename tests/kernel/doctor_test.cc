// SPDX-License-Identifier: GPL-2.0-or-later
// Real rulesets of others, real packets: what is foretold must happen, and the printed exception must end it.
// Runs in the throw-away host (tests/lib/host.sh).
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "doctor/examine.h"
#include "doctor/firewall.h"
#include "sys/netns.h"

namespace warren::doctor {
namespace {

bool run(const std::string& command) {
  return std::system(fmt::format("exec 2>/run/.doctor_said; {}", command).c_str()) == 0;
}
void must(const std::string& command) {
  std::string said;
  if (!run(command)) std::getline(std::ifstream("/run/.doctor_said"), said, '\0');
  ASSERT_EQ(said, "") << command;
}
void write_sysctl(const std::string& path, int value) { std::ofstream("/proc/sys/net/" + path) << value; }

/// Ends of connections, each a namespace; "" is the host.
UniqueFd socket_in(const std::string& space, int family, int type = SOCK_STREAM, int protocol = 0) {
  const auto open = [&] { return UniqueFd(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)); };
  if (space.empty()) return open();
  const auto ns = sys::open_netns("/run/netns/" + space);
  EXPECT_TRUE(ns) << space;
  const auto guard = sys::NetnsGuard::enter(ns->get());
  return open();
}

struct Address {
  sockaddr_in6 storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
Address address(const Ip& ip, Port port) {
  Address made;
  if (ip.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET, v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, ip.data(), 4);
    std::memcpy(&made.storage, &v4, sizeof v4);
    made.size = sizeof v4;
  } else {
    made.storage.sin6_family = AF_INET6, made.storage.sin6_port = htons(port);
    std::memcpy(&made.storage.sin6_addr, ip.data(), 16);
    made.size = sizeof made.storage;
  }
  return made;
}

/// A TCP connection from one place to an address, while `server` listens on the port.
bool connects(const std::string& client, const Ip& to, Port port, const std::string& server,
              Port listen_port) {
  const int family = to.is_v4() ? AF_INET : AF_INET6;
  const auto listener = socket_in(server, family);
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto any = address(*Ip::parse(to.is_v4() ? "0.0.0.0" : "::"), listen_port);
  EXPECT_EQ(::bind(listener.get(), any.get(), any.size), 0) << std::strerror(errno);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  const auto socket = socket_in(client, family);
  const auto there = address(to, port);
  if (::connect(socket.get(), there.get(), there.size) != 0 && errno != EINPROGRESS) return false;
  pollfd ready{socket.get(), POLLOUT, 0};
  if (::poll(&ready, 1, 400) != 1) return false;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0;
}

/// An echo from the space to an address, and its answer.
bool echoes(const std::string& space, const Ip& to) {
  const bool v4 = to.is_v4();
  const auto socket = v4 ? socket_in(space, AF_INET, SOCK_DGRAM, IPPROTO_ICMP)
                         : socket_in(space, AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
  EXPECT_TRUE(socket.valid()) << std::strerror(errno);
  const std::array<unsigned char, 8> request{static_cast<unsigned char>(v4 ? 8 : 128)};
  const auto there = address(to, 0);
  if (::sendto(socket.get(), request.data(), request.size(), 0, there.get(), there.size) < 0) return false;
  pollfd ready{socket.get(), POLLIN, 0};
  std::array<unsigned char, 64> answer{};
  return ::poll(&ready, 1, 300) == 1 && ::recv(socket.get(), answer.data(), answer.size(), 0) > 0;
}

const Ip kWorld4 = *Ip::parse("198.51.100.1"), kWorld6 = *Ip::parse("2001:db8:51::1");

/// What works between the space `s1`, the host and the world, by trying it.
struct Works {
  bool out4, out6, in4, in6, echo4, echo6, dns;
  static Works now() {
    return {connects("s1", kWorld4, 443, "outside", 443),
            connects("s1", kWorld6, 443, "outside", 443),
            connects("outside", *Ip::parse("203.0.113.10"), 6000, "s1", 8080),
            connects("outside", *Ip::parse("2001:db8::10"), 6000, "s1", 8080),
            echoes("s1", *Ip::parse("100.64.0.1")),
            echoes("s1", *Ip::parse("fd00:0:0:1::1")),
            connects("s1", *Ip::parse("100.64.0.1"), 53, "", 53)};
  }
  bool operator==(const Works&) const = default;
  friend void PrintTo(const Works& w, std::ostream* os) {
    *os << fmt::format("out {} {} in {} {} echo {} {} dns {}", w.out4, w.out6, w.in4, w.in6, w.echo4, w.echo6,
                       w.dns);
  }
};
constexpr Works kAll{true, true, true, true, true, true, true};

/// The links of one space as warren makes them, and a forward, in the words of the shell.
constexpr const char* kSpace = R"(
ip netns add s1
ip link add veth_s1_o type veth peer name veth_s1 netns s1
ip link set veth_s1_o group 30561 up
ip netns exec s1 sh -c 'echo 0 0 >/proc/sys/net/ipv4/ping_group_range'
ip -n s1 link set lo up; ip -n s1 link set veth_s1 up
ip addr add 100.64.0.1/32 dev lo; ip addr add fd00:0:0:1::1/128 dev lo nodad
ip -n s1 addr add 100.64.0.2/32 dev veth_s1; ip -n s1 addr add fd00:0:0:2::2/128 dev veth_s1 nodad
ip -n s1 route add 100.64.0.1 dev veth_s1; ip -n s1 route add default via 100.64.0.1
ip addr add fe80::1/64 dev veth_s1_o nodad; ip -n s1 addr add fe80::2/64 dev veth_s1 nodad
ip -n s1 route add default via fe80::1 dev veth_s1
ip route add 100.64.0.2 dev veth_s1_o; ip route add fd00:0:0:2::2 via fe80::2 dev veth_s1_o
ip -n outside route add 100.64.0.0/16 via 203.0.113.10; ip -n outside route add fd00::/48 via 2001:db8::10
echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
nft 'table inet warren {
  chain p { type nat hook prerouting priority dstnat;
    meta nfproto ipv4 tcp dport 6000 iifname uplink dnat ip to 100.64.0.2:8080
    meta nfproto ipv6 tcp dport 6000 iifname uplink dnat ip6 to [fd00:0:0:2::2]:8080; }
}')";

constexpr const char* kForget =
    R"(nft list tables | grep -v 'inet warren$' | while read -r table; do nft delete $table; done
ip netns exec s1 true)";

bool in_test_host() { return std::getenv("WARREN_TEST_HOST") != nullptr; }

/// Made once: all suites ask the same host.
class Host : public testing::Environment {
 public:
  void SetUp() override {
    if (in_test_host()) must(fmt::format("set -e; {}", kSpace));
  }
};
const auto* const kHost = testing::AddGlobalTestEnvironment(new Host);

model::Settings test_settings() {
  model::Settings settings;
  settings.ula = *Cidr::parse("fd00::/48");
  settings.host_services = {{Proto::tcp, 53}};
  return settings;
}

class Doctor : public testing::Test {
 protected:
  void SetUp() override {
    if (!in_test_host()) GTEST_SKIP() << "runs in tests/lib/host.sh only";
    must(kForget);
  }
  void TearDown() override { must(kForget); }

  static Context context() { return {settings_, *IfName::parse("uplink"), {"veth_s1_o"}}; }
  static std::vector<Finding> firewall_findings() {
    auto findings = check_firewalls(context());
    EXPECT_TRUE(findings) << findings.error().what;
    return std::move(findings).value_or(std::vector<Finding>{});
  }
  static std::string told(const std::vector<Finding>& findings) {
    std::string text;
    for (const auto& finding : findings) {
      text += fmt::format("{}: {}: {}\n", name(finding.level), finding.topic, finding.what);
      for (const auto& command : finding.remedies) text += "    " + command + "\n";
      EXPECT_EQ(finding.what.find('\n'), std::string::npos) << finding.what;
    }
    return text;
  }
  static std::vector<Finding> of(const std::vector<Finding>& all, std::string_view topic) {
    std::vector<Finding> some;
    for (const auto& finding : all)
      if (finding.topic == topic) some.push_back(finding);
    return some;
  }

  inline static model::Settings settings_ = test_settings();
};

/// A ruleset of somebody else, and what it lets through.
struct Ruleset4Test {
  const char* name;
  const char* commands;
  Works works;
};
void PrintTo(const Ruleset4Test& ruleset, std::ostream* os) { *os << ruleset.name; }

const Ruleset4Test kRulesets[] = {
    {"docker",
     R"(for t in iptables ip6tables; do
        $t -P FORWARD DROP; $t -N DOCKER-USER; $t -A DOCKER-USER -j RETURN; $t -A FORWARD -j DOCKER-USER
        $t -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        $t -A FORWARD -i docker0 ! -o docker0 -j ACCEPT; done)",
     {false, false, false, false, true, true, true}},
    {"docker_v4_only",
     R"(iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -A FORWARD -j DOCKER-USER
        iptables -A FORWARD -o docker0 -m addrtype ! --dst-type LOCAL -j ACCEPT)",
     {false, true, false, true, true, true, true}},
    {"iptables_reject",
     R"(for t in iptables ip6tables; do
        $t -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        $t -A FORWARD -i uplink -m comment --comment "from outside" -j REJECT; done)",
     {true, true, false, false, true, true, true}},
    {"iptables_input",
     R"(for t in iptables ip6tables; do
        $t -P INPUT DROP; $t -A INPUT -i lo -j ACCEPT; $t -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        $t -A INPUT -p tcp -m multiport --dports 22,80 -j ACCEPT; done
        ip6tables -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT
        ip6tables -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 136 -j ACCEPT)",
     {true, true, true, true, false, false, false}},
    {"iptables_mangle",
     R"(iptables -t mangle -A FORWARD -m devgroup --src-group 30561 -j DROP
        ip6tables -t mangle -A POSTROUTING -m devgroup --dst-group 30561 -j DROP)",
     {false, false, false, false, true, false, true}},
    {"inet_policy_drop",
     R"(nft 'table inet guard {
          set admins { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }
          chain sub { tcp dport vmap { 22 : accept, 80-90 : drop }; }
          chain ahead { type filter hook forward priority filter; policy drop;
            ct state vmap { established : accept, related : accept, invalid : drop }
            ip saddr @admins accept
            jump sub
            iifname "br0" oifname { "uplink", "eth*" } accept; }; }')",
     {false, false, false, false, true, true, true}},
    {"inet_new_only_from_inside",
     R"(nft 'table inet guard { chain forward { type filter hook forward priority -5; policy drop;
          ct state established,related accept; ct state new iifgroup 30561 accept; ct status dnat meta nfproto ipv4 accept
          counter reject with icmpx type admin-prohibited; }; }')",
     {true, true, true, false, true, true, true}},
    {"ip6_prerouting",
     R"(nft 'table ip6 raw6 { chain first { type filter hook prerouting priority raw; ip6 saddr fd00::/8 drop; }; }')",
     {true, false, true, false, true, false, true}},
    {"inet_input_output",
     R"(nft 'table inet guard {
          chain in { type filter hook input priority 0; policy drop; ct state established accept; iifname lo accept
            icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
            tcp dport { 22, 53 } accept; }
          chain out { type filter hook output priority 0; policy drop; ct state { established, related } accept
            icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept; oifname "lo" accept; }; }')",
     {true, true, true, true, false, false, true}},
    {"inet_output_group",
     R"(nft 'table inet guard { chain out { type filter hook output priority 0; oifgroup 30561 meta l4proto { icmp, ipv6-icmp } drop; }; }')",
     {true, true, true, true, false, false, true}},
    {"harmless",
     R"(nft 'table inet guard { chain f { type filter hook forward priority 0; policy drop; iifgroup 30561 accept; oifgroup 30561 accept; }
          chain r { type filter hook prerouting priority raw; fib saddr . iif oif missing drop; tcp dport 25 drop; }; }
          table inet warren-like { chain n { type nat hook output priority 0; }; }')",
     kAll},
};

class Rulesets : public Doctor, public testing::WithParamInterface<Ruleset4Test> {};

TEST_P(Rulesets, AreFoundAndTheExceptionLetsPacketsThrough) {
  must(fmt::format("set -e; {}", GetParam().commands));
  ASSERT_EQ(Works::now(), GetParam().works) << "the test's own idea of the ruleset";

  const auto findings = firewall_findings();
  const bool harmless = GetParam().works == kAll;
  const bool problem = std::any_of(findings.begin(), findings.end(),
                                   [](const auto& f) { return f.level == Finding::Level::problem; });
  EXPECT_EQ(problem, !harmless) << told(findings);
  for (const auto& finding : findings)
    for (const auto& command : finding.remedies) must(command);

  EXPECT_EQ(Works::now(), kAll) << told(findings);
  const auto after = firewall_findings();
  ASSERT_EQ(after.size(), 1U) << told(after);
  EXPECT_EQ(after[0].level, Finding::Level::ok) << told(after);
}

INSTANTIATE_TEST_SUITE_P(OfOthers, Rulesets, testing::ValuesIn(kRulesets),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(Doctor, NamesTheChainAndTheExactException) {
  must(kRulesets[0].commands);
  const auto findings = firewall_findings();
  ASSERT_EQ(findings.size(), 2U) << told(findings);
  EXPECT_NE(findings[0].what.find(
                "table ip filter, chain FORWARD, 'policy drop' drops packets from spaces to the world "
                "(IPv4)"),
            std::string::npos)
      << told(findings);
  EXPECT_EQ(findings[0].remedies, (std::vector<std::string>{"iptables -I DOCKER-USER -i veth_+ -j ACCEPT",
                                                            "iptables -I DOCKER-USER -o veth_+ -j ACCEPT"}));
  EXPECT_EQ(findings[1].remedies, (std::vector<std::string>{"ip6tables -I DOCKER-USER -i veth_+ -j ACCEPT",
                                                            "ip6tables -I DOCKER-USER -o veth_+ -j ACCEPT"}));
}

TEST_F(Doctor, UfwIsSpokenToInItsOwnWords) {
  must(R"(set -e; iptables -P FORWARD DROP; iptables -P INPUT DROP; iptables -N ufw-before-forward
          iptables -A FORWARD -j ufw-before-forward
          iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT)");
  const auto text = told(firewall_findings());
  EXPECT_NE(text.find("    ufw route allow in on veth_+\n"), std::string::npos) << text;
  EXPECT_NE(text.find("    ufw route allow out on veth_+\n"), std::string::npos) << text;
  EXPECT_NE(text.find("    ufw allow in on veth_+ to any port 53 proto tcp\n"), std::string::npos) << text;
}

TEST_F(Doctor, FirewalldIsSpokenToInItsOwnWords) {
  must(R"(nft 'table inet firewalld {
    chain filter_FORWARD { type filter hook forward priority filter + 10; policy accept;
      ct state { established, related } accept; ct status dnat accept; iifname "lo" accept; ct state invalid drop
      ip6 daddr { ::/96, 2002::/24 } reject with icmpv6 type addr-unreachable
      jump filter_FORWARD_ZONES; reject with icmpx type admin-prohibited; }
    chain filter_FORWARD_ZONES { iifname "uplink" goto filter_FWD_public; goto filter_FWD_public; }
    chain filter_FWD_public { reject with icmpx type admin-prohibited; }; }')");
  const auto findings = firewall_findings();
  ASSERT_EQ(findings.size(), 1U) << told(findings);
  EXPECT_NE(findings[0].what.find("filter_FORWARD > filter_FORWARD_ZONES > filter_FWD_public"),
            std::string::npos)
      << told(findings);
  EXPECT_EQ(findings[0].remedies,
            (std::vector<std::string>{"firewall-cmd --permanent --zone=trusted --add-source=100.64.0.0/16",
                                      "firewall-cmd --permanent --zone=trusted --add-source=fd00::/48",
                                      "firewall-cmd --reload"}));
}

TEST_F(Doctor, AskingChangesNothingOfOthers) {
  for (const auto& ruleset : kRulesets) must(fmt::format("set +e; {}; true", ruleset.commands));
  must("nft list ruleset >/run/.doctor_before");
  EXPECT_TRUE(examine(context()));
  must("nft list ruleset >/run/.doctor_after");
  must("sed -i 's/packets [0-9]* bytes [0-9]*//' /run/.doctor_before /run/.doctor_after");
  must("cmp /run/.doctor_before /run/.doctor_after");
}

TEST_F(Doctor, AHealthyHostIsHealthy) {
  const auto findings = examine(context());
  ASSERT_TRUE(findings) << findings.error().what;
  for (const auto& finding : *findings) EXPECT_NE(finding.level, Finding::Level::problem) << told({finding});
  for (const auto* topic :
       {"kernel", "uplink", "firewall", "forwarding", "accept_ra", "rp_filter", "route_localnet"})
    EXPECT_FALSE(of(*findings, topic).empty()) << topic;
  const auto kernel = of(*findings, "kernel");
  EXPECT_EQ(kernel[0].level, Finding::Level::ok) << told(kernel);
  EXPECT_FALSE(run("ip link show probe_o")) << "the trial namespace must be another one";
}

TEST_F(Doctor, NoUplinkIsAProblemUnlessWanted) {
  auto without = context();
  without.uplink.reset();
  auto findings = examine(without);
  ASSERT_TRUE(findings);
  EXPECT_EQ(of(*findings, "uplink").at(0).level, Finding::Level::problem);
  settings_.no_uplink = true;
  findings = examine(without);
  settings_.no_uplink = false;
  EXPECT_EQ(of(*findings, "uplink").at(0).level, Finding::Level::ok);
}

TEST_F(Doctor, ForwardingThatIsOffIsTold) {
  write_sysctl("ipv4/conf/uplink/forwarding", 0);
  write_sysctl("ipv6/conf/all/forwarding", 0);
  const auto findings = of(check_sysctls(context()).value(), "forwarding");
  auto idle = context();
  idle.our_links.clear();
  const auto unneeded = of(check_sysctls(idle).value(), "forwarding");
  write_sysctl("ipv4/conf/uplink/forwarding", 1);
  write_sysctl("ipv6/conf/all/forwarding", 1);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].level, Finding::Level::problem);
  EXPECT_NE(findings[0].what.find("net.ipv4.conf.uplink.forwarding = 0"), std::string::npos)
      << told(findings);
  EXPECT_EQ(findings[1].level, Finding::Level::problem) << told(findings);
  EXPECT_EQ(unneeded[0].level, Finding::Level::ok) << told(unneeded);
}

TEST_F(Doctor, SwitchedOffForTheHostButOnForTheUplinkIsFine) {
  write_sysctl("ipv4/ip_forward", 0);
  write_sysctl("ipv4/conf/uplink/forwarding", 1);
  const auto findings = of(check_sysctls(context()).value(), "forwarding");
  write_sysctl("ipv4/ip_forward", 1);
  EXPECT_EQ(findings.at(0).level, Finding::Level::ok) << told(findings);
}

TEST_F(Doctor, RouterAdvertisementsThatAreIgnored) {
  write_sysctl("ipv6/conf/uplink/accept_ra", 1);
  const auto statically = of(check_sysctls(context()).value(), "accept_ra");
  must("ip -6 route del default");
  const auto missing = of(check_sysctls(context()).value(), "accept_ra");
  must("ip -6 route add default via 2001:db8::1 dev uplink");
  write_sysctl("ipv6/conf/uplink/accept_ra", 0);
  EXPECT_EQ(statically.at(0).level, Finding::Level::ok) << told(statically);
  EXPECT_EQ(missing.at(0).level, Finding::Level::advice) << told(missing);
  EXPECT_EQ(missing.at(0).remedies, std::vector<std::string>{"sysctl -w net.ipv6.conf.uplink.accept_ra=2"});
}

TEST_F(Doctor, StrictReversePathAndLoopbackRouting) {
  write_sysctl("ipv4/conf/uplink/rp_filter", 1);
  write_sysctl("ipv4/conf/uplink/route_localnet", 1);
  must(
      "ip link add second type veth peer name second_o; ip addr add 192.0.2.1/24 dev second; ip link set "
      "second up");
  must("ip link set second_o up; ip route add default via 192.0.2.2 dev second metric 500");
  const auto findings = check_sysctls(context()).value();
  must("ip link del second");
  write_sysctl("ipv4/conf/uplink/rp_filter", 0);
  write_sysctl("ipv4/conf/uplink/route_localnet", 0);
  EXPECT_EQ(of(findings, "rp_filter").at(0).level, Finding::Level::advice) << told(findings);
  EXPECT_EQ(of(findings, "route_localnet").at(0).level, Finding::Level::advice) << told(findings);
  EXPECT_EQ(of(findings, "route_localnet").at(0).remedies,
            std::vector<std::string>{"sysctl -w net.ipv4.conf.uplink.route_localnet=0"});
}

TEST_F(Doctor, ConntrackCap) {
  settings_.conntrack_per_space = 0;
  const auto findings = check_conntrack(context()).value();
  settings_.conntrack_per_space = 65536;
  EXPECT_NE(told(findings).find("conntrack_per_space = 0"), std::string::npos) << told(findings);
}

TEST_F(Doctor, LegacyTablesAreTold) {
  if (!run("iptables-legacy -A FORWARD -j ACCEPT")) GTEST_SKIP() << "kernel lacks iptables-legacy";
  const auto findings = check_legacy_iptables();
  must("iptables-legacy -F");
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].what, "iptables-legacy has tables (filter), whose rules are not seen here");
}

}  // namespace
}  // namespace warren::doctor
