// SPDX-License-Identifier: GPL-2.0-or-later
// What hooks are told: the same as variables and as JSON.
#include <algorithm>
#include <gtest/gtest.h>

#include "hooks/facts.h"

namespace warren::hooks {
namespace {

model::Space web1() {
  model::Space space;
  space.number = 7;
  space.name = SpaceName::parse("web1").value();
  space.forwards = {{Proto::tcp, {}, PortRange::parse("6000").value(), 8080}};
  return space;
}

Facts facts_of(const model::Space& space) {
  model::Settings settings;
  settings.ipv6 = false;
  return {Place::of_host(), space, settings};
}

bool has(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

TEST(HookFacts, AsVariables) {
  const auto environment = facts_of(web1()).environment();
  for (const auto* text :
       {"WARREN_SPACE=web1", "WARREN_NUMBER=7", "WARREN_IPV4=100.64.0.7", "WARREN_GATEWAY4=100.64.0.1",
        "WARREN_HOST_INTERFACE=veth_web1_o", "WARREN_NAT=true", "WARREN_FORWARDS=6000:8080"})
    EXPECT_TRUE(has(environment, text)) << text;
  for (const auto& text : environment) EXPECT_FALSE(text.starts_with("WARREN_IPV6")) << text;
}

TEST(HookFacts, AsJson) {
  EXPECT_EQ(
      facts_of(web1()).json(),
      "{\"space\":\"web1\",\"number\":7,\"ipv4\":\"100.64.0.7\",\"ipv6\":null,\"gateway4\":\"100.64.0.1\","
      "\"gateway6\":null,\"interface\":\"veth_web1\",\"mac\":\"02:00:00:00:07:00\","
      "\"host_interface\":\"veth_web1_o\",\"host_mac\":\"02:00:00:00:07:80\",\"netns\":\"/run/netns/web1\","
      "\"nat\":true,\"adopted\":false,\"forwards\":[\"6000:8080\"]}\n");
}

TEST(HookFacts, OfADevice) {
  auto facts = facts_of(web1());
  facts.add(Device{"eth7", "macvlan", "02:00:07:00:07:01", "uplink", std::nullopt});
  const auto environment = facts.environment();
  EXPECT_TRUE(has(environment, "WARREN_DEVICE=eth7") && has(environment, "WARREN_DEVICE_TYPE=macvlan"));
  EXPECT_TRUE(has(environment, "WARREN_DEVICE_PARENT=uplink"));
  EXPECT_NE(facts.json().find(",\"device_parent\":\"uplink\",\"device_vlan\":null}"), std::string::npos);
}

TEST(HookFacts, ForwardsTooManyForAnEnvironment) {
  auto space = web1();
  for (unsigned port = 10000; port < 15000; ++port)
    space.forwards.push_back({Proto::tcp, {}, PortRange::parse(std::to_string(port)).value(), 80});
  const auto facts = facts_of(space);
  for (const auto& text : facts.environment()) EXPECT_FALSE(text.starts_with("WARREN_FORWARDS"));
  EXPECT_NE(facts.json().find("\"14999:80\""), std::string::npos);
}

TEST(HookFacts, TextIsMadeSafe) {
  auto facts = facts_of(web1());
  facts.add("odd", std::string("a\"b\n\xff"));
  EXPECT_NE(facts.json().find("\"odd\":\"a\\\"b\\n\xef\xbf\xbd\""), std::string::npos);
}

TEST(HookFacts, Names) {
  EXPECT_EQ(name(Event::pre_up), "pre-up");
  EXPECT_EQ(name(Event::dev_rm), "dev-rm");
  EXPECT_FALSE(has_inside(Event::pre_up) || has_inside(Event::down));
  EXPECT_TRUE(has_inside(Event::up) && has_inside(Event::pre_down) && has_inside(Event::dev_add));
}

}  // namespace
}  // namespace warren::hooks
