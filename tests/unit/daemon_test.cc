// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of warrend that need no host: how soon it mends again, what it says of itself, what it suspects,
// and which listeners it wants.
#include <gtest/gtest.h>

#include "base/json.h"
#include "daemon/pace.h"
#include "daemon/report.h"
#include "daemon/suspicions.h"
#include "model/derive.h"

namespace warren::daemon {
namespace {

using std::chrono::seconds;
using Texts = std::vector<std::string>;

SpaceName space_name(std::string_view text) { return SpaceName::parse(text).value(); }
Ip ip(std::string_view text) { return Ip::parse(text).value(); }
Cidr cidr(std::string_view text) { return Cidr::parse(text).value(); }

model::Settings settings() {
  model::Settings settings;
  settings.ula = cidr("fd00:1:2::/48");
  return settings;
}

model::Space space(std::string_view name, SpaceNumber number) {
  model::Space space;
  space.name = space_name(name);
  space.number = number;
  return space;
}

model::Service service(std::string_view name, Port port) {
  model::Service service;
  service.name = ServiceName::parse(name).value();
  service.port = port;
  service.target = model::Target::parse("192.0.2.1:3306").value();
  return service;
}

class Paces : public testing::Test {
 protected:
  void mend(int times) {
    for (int i = 0; i < times; ++i) (void)pace_.mended(now_);
  }
  Pace pace_;
  Pace::Clock::time_point now_ = Pace::Clock::time_point(std::chrono::hours(1));
};

TEST_F(Paces, AFewRepairsAreFree) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(pace_.mended(now_));
    EXPECT_EQ(pace_.earliest(), now_) << i;
  }
  EXPECT_TRUE(pace_.mended(now_)) << "the first that makes the next one wait is told";
  EXPECT_EQ(pace_.earliest(), now_ + seconds(1));
  EXPECT_FALSE(pace_.mended(now_)) << "and told once";
}

TEST_F(Paces, PausesDoubleUpToAMinute) {
  mend(6);
  for (const auto pause : {2, 4, 8, 16, 32, 60, 60}) {
    now_ = pace_.earliest();
    mend(1);
    EXPECT_EQ(pace_.pause(), seconds(pause));
  }
}

TEST_F(Paces, AfterAQuietTimeAllIsAsAtFirst) {
  mend(6);
  now_ += seconds(30);
  mend(1);
  EXPECT_EQ(pace_.pause(), seconds(2)) << "half a minute is not quiet enough";
  now_ += seconds(31);
  mend(5);
  EXPECT_EQ(pace_.pause(), seconds(0));
  EXPECT_TRUE(pace_.mended(now_));
}

TEST_F(Paces, WhoWaitsLongMustBeQuietForTwiceThat) {
  mend(6 + 6);
  ASSERT_EQ(pace_.pause(), seconds(60));
  now_ += seconds(120);
  mend(1);
  EXPECT_EQ(pace_.pause(), seconds(60)) << "it came as soon as it might, and once more";
  now_ += seconds(121);
  mend(1);
  EXPECT_EQ(pace_.pause(), seconds(0));
}

class Suspected : public testing::Test {
 protected:
  void SetUp() override {
    auto down = space("off", 9);
    down.state = model::State::down;
    model::Device veth;
    veth.kind = model::DeviceKind::veth;
    veth.index = 1;
    veth.name = IfName::parse("eth1").value();
    veth.dhcp = true;
    web_ = space("web1", 7);
    web_.devices = {veth};
    spaces_ = {web_, down};
    suspicions_.expect(settings(), spaces_);
  }
  Texts take() { return suspicions_.take(); }

  model::Space web_;
  std::vector<model::Space> spaces_;
  Suspicions suspicions_{Place::of_host()};
};

TEST_F(Suspected, WhatSpacesAreToHave) {
  suspicions_.lost_link("veth_web1_o");
  EXPECT_TRUE(suspicions_.any());
  EXPECT_EQ(take(), Texts{"link veth_web1_o"});
  EXPECT_FALSE(suspicions_.any()) << "taken is forgotten";
  suspicions_.lost_link(model::host_link(7, web_.devices[0]).str());
  EXPECT_EQ(take(), Texts{"link veth_7_o1"});
  suspicions_.lost_pin("web1");
  EXPECT_EQ(take(), Texts{"/run/netns/web1"});
  suspicions_.lost_address(ip("100.64.0.1"));
  EXPECT_EQ(take(), Texts{"address or route 100.64.0.1/32"}) << "the gateway";
  suspicions_.lost_client(web_, web_.devices[0]);
  EXPECT_EQ(take(), Texts{"DHCP client of eth1 of web1"});
  suspicions_.rules_changed("nft (PID 12)");
  EXPECT_EQ(take(), Texts{"rules, by nft (PID 12)"});
  suspicions_.lost_word("ruleset");
  EXPECT_EQ(take(), Texts{"lost notifications of ruleset"});
}

TEST_F(Suspected, ARouteIfAnAddressOfOursLiesInIt) {
  for (const auto* text :
       {"100.64.0.0/16", "100.64.0.7/32", "fd00:1:2::/48", "fd00:1:2:7::/64", "100.0.0.0/8"}) {
    suspicions_.lost_route(cidr(text));
    EXPECT_EQ(take(), Texts{"address or route " + std::string(text)});
  }
  for (const auto* text : {"100.64.0.9/32", "192.0.2.0/24", "fd00:1:3::/48"})
    suspicions_.lost_route(cidr(text));
  EXPECT_EQ(take(), Texts{});
}

TEST_F(Suspected, NothingOfOthersOrOfSpacesThatAreDown) {
  for (const auto* name : {"eth0", "veth_off_o", "veth_other_o"}) suspicions_.lost_link(name);
  suspicions_.lost_pin("off");
  suspicions_.lost_address(ip("100.64.0.9"));
  EXPECT_FALSE(suspicions_.any());
}

TEST_F(Suspected, WhatWarrenTookAwayIsExpectedNoLonger) {
  suspicions_.lost_link("veth_web1_o");
  suspicions_.lost_pin("web1");
  suspicions_.lost_route(cidr("100.64.0.7/32"));
  suspicions_.lost_client(web_, web_.devices[0]);
  suspicions_.rules_changed("nft (PID 12)");
  suspicions_.expect(settings(), {space("web2", 8)});
  EXPECT_EQ(take(), Texts{"rules, by nft (PID 12)"}) << "the rules serve the other space, too";
  suspicions_.rules_changed("nft (PID 12)");
  suspicions_.expect(settings(), {});
  EXPECT_EQ(take(), Texts{}) << "nothing is to stand";
}

TEST(RosterPlan, AListenerAFamilyInEachSpaceThatHasTheService) {
  auto some = service("db", 3306), by_nat = service("dns", 53), only = service("mail", 25);
  some.header = model::ProxyHeader::v2;
  by_nat.mode = model::ServiceMode::nat;
  only.scope = {model::ScopeKind::only, {space_name("web2")}};
  auto down = space("off", 9);
  down.state = model::State::down;
  const auto plan =
      Roster::plan({settings(), {space("web1", 7), space("web2", 8), down}, {some, by_nat, only}});
  Texts places;
  for (const auto& [place, what] : plan) places.push_back(place.str() + " for " + what.service.str());
  EXPECT_EQ(places, (Texts{"web1 tcp 127.0.0.1:3306 for db", "web1 tcp [::1]:3306 for db",
                           "web2 tcp 127.0.0.1:25 for mail", "web2 tcp [::1]:25 for mail",
                           "web2 tcp 127.0.0.1:3306 for db", "web2 tcp [::1]:3306 for db"}));
  const auto& in4 = plan.at({space_name("web1"), Proto::tcp, 3306, Family::v4});
  EXPECT_EQ(in4.header, proxy::Header::v2);
  EXPECT_EQ(in4.source, ip("100.64.0.7"));
  EXPECT_EQ(plan.at({space_name("web1"), Proto::tcp, 3306, Family::v6}).source, ip("fd00:1:2:7::2"));
}

TEST(RosterPlan, WithoutIpv6TheSourceIsTheOneAddressThereIs) {
  auto off = settings();
  off.ipv6 = false;
  const auto plan = Roster::plan({off, {space("web1", 7)}, {service("db", 3306)}});
  EXPECT_EQ(plan.at({space_name("web1"), Proto::tcp, 3306, Family::v6}).source, ip("100.64.0.7"));
}

Report a_report() {
  Report report;
  report.since = "2026-11-22T03:40:00Z";
  report.state = "running";
  report.services = {service("db", 3306), service("idle", 1)};
  const auto place = [](std::string_view name) {
    return Endpoint{space_name(name), Proto::tcp, 3306, Family::v4};
  };
  const auto& db = report.services[0].name;
  report.standing = {{place("web1"), db, {1, 10, 2, 3, 100, 200}}, {place("web2"), db, {4, 20, 0, 0, 1, 2}}};
  report.addresses = {{db, {proxy::Address::of(ip("192.0.2.1"), 3306)}}};
  report.failures = {{place("web3"), "bind: \"in use\""}};
  report.retired = {0, 1000, 0, 0, 0, 0};
  report.pauses = 5;
  report.repairs.mended = 3;
  report.repairs.pause = 1.5;
  return report;
}

TEST(Reports, AsOneLineOfJson) {
  const auto text = as_json(a_report());
  EXPECT_EQ(text.find('\n'), text.size() - 1);
  const auto json = Json::parse(text).value();
  const auto at = [](const Json& in, std::string_view key) -> const Json& { return *in.find(key); };
  EXPECT_EQ(at(json, "state").dump(), "\"running\"");
  EXPECT_EQ(at(json, "listeners").dump(), "2");
  EXPECT_EQ(at(at(json, "connections"), "total").dump(), "1030") << "those of listeners that are gone, too";
  const auto& services = at(json, "services").items();
  ASSERT_EQ(services.size(), 2U);
  EXPECT_EQ(at(services[0], "name").dump(), "\"db\"");
  EXPECT_EQ(at(services[0], "now").dump(), "5");
  EXPECT_EQ(at(services[0], "listeners").dump(), "2");
  EXPECT_EQ(at(services[0], "addresses").dump(), "[\"192.0.2.1:3306\"]");
  EXPECT_EQ(at(services[1], "total").dump(), "0") << "one that nobody uses is said, too";
  EXPECT_EQ(at(at(at(json, "spaces"), "web1"), "refused").dump(), "2");
  EXPECT_EQ(*at(at(json, "not_listening").items()[0], "error").text(), "bind: \"in use\"");
  EXPECT_EQ(at(at(json, "repairs"), "mended").dump(), "3");
}

TEST(Reports, AsMetrics) {
  const auto text = as_metrics(a_report());
  Texts samples;
  std::map<std::string, std::string> types;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    ASSERT_NE(end, text.npos) << "each line ends";
    const auto line = text.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("# TYPE "))
      types[line.substr(7, line.rfind(' ') - 7)] = line.substr(line.rfind(' ') + 1);
    if (line.starts_with('#')) continue;
    samples.push_back(line);
    EXPECT_TRUE(types.contains(line.substr(0, line.find_first_of("{ ")))) << "no type before " << line;
  }
  for (const auto* sample : {"warren_proxy_listeners 2", "warren_proxy_accept_pauses_total 5",
                             "warren_service_connections{service=\"db\"} 5",
                             "warren_service_connections_total{service=\"idle\"} 0",
                             "warren_service_sent_bytes_total{service=\"db\"} 101",
                             "warren_service_received_bytes_total{service=\"db\"} 202",
                             "warren_space_refused_total{space=\"web1\"} 2", "warren_repair_mended_total 3",
                             "warren_repair_pause_seconds 1.5"})
    EXPECT_NE(std::ranges::find(samples, sample), samples.end()) << sample;
  EXPECT_EQ(types["warren_service_connections"], "gauge");
  EXPECT_EQ(types["warren_service_connections_total"], "counter");
}

}  // namespace
}  // namespace warren::daemon
