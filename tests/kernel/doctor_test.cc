// SPDX-License-Identifier: GPL-2.0-or-later
// Real rulesets of others, real packets: what is foretold must happen, and the printed exception must end it.
// Runs in the throw-away host (tests/lib/host.sh).
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

#include "doctor/checks.h"
#include "doctor/examine.h"
#include "doctor_host.h"

namespace warren::doctor {
namespace {

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
    make_space_once();
    must(kForget);
  }
  void TearDown() override {
    if (in_test_host()) must(kForget);
  }

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

TEST_F(Doctor, AnAdvertisedDefaultRouteThatWillExpire) {
  write_sysctl("ipv6/conf/uplink/accept_ra", 2);
  advertise_router();
  must(
      "for i in $(seq 1000); do ip -6 route show default | grep -q 'proto ra' && exit; sleep 0.05; done; "
      "exit "
      "1");
  const auto kept = of(check_sysctls(context()).value(), "accept_ra");
  write_sysctl("ipv6/conf/uplink/accept_ra", 1);
  const auto expiring = of(check_sysctls(context()).value(), "accept_ra");
  must("ip -6 route del default proto ra");
  write_sysctl("ipv6/conf/uplink/accept_ra", 0);
  EXPECT_EQ(kept.at(0).level, Finding::Level::ok) << told(kept);
  EXPECT_EQ(expiring.at(0).level, Finding::Level::problem) << told(expiring);
  EXPECT_NE(expiring.at(0).what.find("will expire"), std::string::npos) << told(expiring);
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
