// SPDX-License-Identifier: GPL-2.0-or-later
// Files for `apply`, and what `export` writes.
#include "config/spaces_file.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

#include "patience.h"

namespace warren::config {
namespace {

using model::Forward;
using model::Space;

/// The message of a failure; it must be one line and of kind `usage`.
template <class T>
std::string reason(const Result<T>& result) {
  if (result) return "(no error)";
  EXPECT_EQ(result.error().code, Code::usage) << result.error().what;
  EXPECT_EQ(result.error().what.find('\n'), std::string::npos) << result.error().what;
  return result.error().what;
}

std::string spaces_error(std::string_view text) { return reason(parse_spaces(text, "s.toml")); }

TEST(Spaces, EmptyFile) {
  EXPECT_TRUE(parse_spaces("", "s.toml").value().spaces.empty());
  EXPECT_TRUE(parse_spaces("[space]\n", "s.toml").value().spaces.empty());
}

TEST(Spaces, EveryKeyAndTheOrderOfTheFile) {
  const auto file = parse_spaces(R"([space.zoe]
[space.adam]
ports = ["6000:8080", "203.0.113.10:53:53/udp", "8000-8099", "9000"]
ip4 = "100.64.0.7"
ip6 = "fd00::2"
nat = false
state = "down"
number = 7
[space."with.dot"]
state = "up"
)",
                                 "s.toml")
                        .value();
  ASSERT_EQ(file.spaces.size(), 3U);
  EXPECT_EQ(file.spaces[0].name.str(), "zoe");
  EXPECT_TRUE(file.spaces[0].nat && file.spaces[0].up && file.spaces[0].ports.empty() &&
              !file.spaces[0].number);
  const auto& adam = file.spaces[1];
  EXPECT_EQ(adam.name.str(), "adam");
  EXPECT_EQ(adam.line, 2);
  EXPECT_EQ(adam.number, SpaceNumber{7});
  EXPECT_EQ(adam.ip4->str(), "100.64.0.7");
  EXPECT_EQ(adam.ip6->str(), "fd00::2");
  EXPECT_FALSE(adam.nat || adam.up);
  ASSERT_EQ(adam.ports.size(), 4U);
  EXPECT_EQ(adam.ports[1].host->str(), "203.0.113.10");
  EXPECT_EQ(adam.ports[2].ports, (PortRange{8000, 8099}));
  EXPECT_FALSE(adam.ports[3].ports);
  EXPECT_EQ(file.spaces[2].name.str(), "with.dot");
}

TEST(Spaces, OtherWaysToWriteTables) {
  const auto file = parse_spaces("space.b.nat = false\nspace.a = { nat = false }\n", "s.toml").value();
  ASSERT_EQ(file.spaces.size(), 2U);
  EXPECT_EQ(file.spaces[0].name.str(), "b");
  EXPECT_EQ(file.spaces[1].line, 2);
}

TEST(Spaces, ErrorsNameFileLineKeyAndRemedy) {
  EXPECT_EQ(spaces_error("[spaces.a]"), "s.toml:1: spaces: unknown key; known are: space");
  EXPECT_EQ(
      spaces_error("[space.a]\n\nport = []"),
      "s.toml:3: space.a.port: unknown key; known are: ports, ip4, ip6, nat, state, number, uplink, device");
  EXPECT_TRUE(spaces_error("[space.a]\nports = [\n  \"80:80\",\n  \"0:80\"\n]")
                  .starts_with("s.toml:4: space.a.ports: "));
  EXPECT_EQ(spaces_error("[space.a]\nstate = \"off\""),
            "s.toml:2: space.a.state: 'off' is not a state: write \"up\" or \"down\"");
  EXPECT_EQ(spaces_error("[space.a]\nip4 = \"fd00::1\""),
            "s.toml:2: space.a.ip4: 'fd00::1' is of the other family: write one like \"100.64.0.7\"");
  EXPECT_EQ(spaces_error("[space.a]\nnumber = 1"),
            "s.toml:2: space.a.number: 1 is out of range: write a number from 2 to 65534");
  EXPECT_EQ(spaces_error("[[space]]\n"), "s.toml:1: space: must be a table, not an array");
}

TEST(Spaces, RefusesBadValues) {
  for (const auto* text :
       {"[space.'']", "[space.'../x']", "[space.'a b']", "[space.-a]", "[space.1a]", "[space.\"\\u00e4\"]",
        "[space.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]", "space = 1", "space.a = 1", "space.a.ports = \"80\"",
        "space.a.ports = [80]", "space.a.ports = [\"65536:1\"]", "space.a.ports = [\"80-79\"]",
        "space.a.nat = \"no\"", "space.a.ip6 = \"100.64.0.2\"", "space.a.ip4 = 1", "space.a.number = 65535",
        "space.a.number = 1.0"}) {
    const auto what = spaces_error(text);
    EXPECT_TRUE(what.starts_with("s.toml:1: space")) << text << " -> " << what;
  }
}

TEST(Spaces, TheSameSpaceTwice) {
  EXPECT_NE(spaces_error("[space.a]\n[space.a]\n").find("s.toml:2: invalid TOML"), std::string::npos);
}

TEST(Spaces, TheSameNumberOrAddressTwice) {
  EXPECT_EQ(spaces_error("[space.a]\nnumber = 5\n[space.b]\nnumber = 5"),
            "s.toml:3: space.b.number: space a (line 1) has the same: choose another");
  EXPECT_EQ(spaces_error("[space.a]\nip4 = \"100.64.0.9\"\n[space.b]\nip4 = \"100.64.0.9\""),
            "s.toml:3: space.b.ip4: space a (line 1) has the same: choose another");
  EXPECT_NE(spaces_error("[space.a]\nip6 = \"fd00::9\"\n[space.b]\nip6 = \"fd00:0::9\""), "(no error)");
}

TEST(Spaces, PortsTwice) {
  EXPECT_EQ(spaces_error("[space.a]\nports = [\"80:8080\",\n\"80:8080/tcp\"]"),
            "s.toml:3: space.a.ports: '80:8080' stands twice (line 2 too): leave one out");
  EXPECT_EQ(spaces_error("[space.a]\nports = [\"8080\",\n\"8080/both\"]"),
            "s.toml:3: space.a.ports: port 8080/tcp stands twice (line 2 too): leave one out");
  EXPECT_EQ(spaces_error("[space.a]\nports = [\"8080\", \"8080/udp\"]\n[space.b]\nports = [\"8080\"]"),
            "(no error)");
}

TEST(Spaces, CollisionsNameBothSides) {
  EXPECT_EQ(spaces_error("[space.b]\nports = [\"6000:80\"]\n[space.a]\nports = [\"6000:8080\"]"),
            "s.toml:4: space.a.ports: '6000:8080' collides with '6000:80' of space b (line 2): choose "
            "another host port");
}

/// Two specifications, each of its own space.
bool collide(std::string_view one, std::string_view two) {
  const auto file = [](std::string_view a, std::string_view b) {
    return fmt::format("[space.a]\nports = [\"{}\"]\n[space.b]\nports = [\"{}\"]\n", a, b);
  };
  const bool forth = !parse_spaces(file(one, two), "s.toml");
  const bool back = !parse_spaces(file(two, one), "s.toml");
  EXPECT_EQ(forth, back) << one << " " << two;
  return forth;
}

TEST(Spaces, WhatCollides) {
  EXPECT_TRUE(collide("80:1", "10.0.0.1:80:1"));
  EXPECT_TRUE(collide("80:1", "[2001:db8::1]:80:1"));
  EXPECT_TRUE(collide("10.0.0.1:80:1", "10.0.0.1:80:2"));
  EXPECT_TRUE(collide("10.0.0.1:80:1", "10.0.0.1:70-90"));
  EXPECT_TRUE(collide("70-90", "90-100"));
  EXPECT_TRUE(collide("70-90", "10.0.0.1:75-80"));
  EXPECT_TRUE(collide("80:1/both", "80:1/udp"));
  EXPECT_FALSE(collide("10.0.0.1:80:1", "10.0.0.2:80:1"));
  EXPECT_FALSE(collide("10.0.0.1:80:1", "[2001:db8::1]:80:1"));
  EXPECT_FALSE(collide("80:1/tcp", "80:1/udp"));
  EXPECT_FALSE(collide("70-89", "90-100"));
  EXPECT_FALSE(collide("8080", "8080"));
}

TEST(Spaces, CollisionSearchAgreesWithComparingPairs) {
  unsigned state = 1;
  const auto random = [&](unsigned below) { return (state = state * 1103515245U + 12345U) / 65536U % below; };
  int collisions = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<Forward> all;
    std::string text = "[space.a]\nports = [";
    for (unsigned i = 0, n = 2 + random(4); i < n; ++i) {
      const auto first = static_cast<Port>(1 + random(60));
      Forward forward{random(2) ? Proto::tcp : Proto::udp, {}, {first, first}, first};
      if (random(3)) forward.host = Ip::v4(0x0a000001 + random(3));
      if (random(2)) forward.ports.last = static_cast<Port>(first + random(20));
      all.push_back(forward);
      text += "\"" + forward.spec() + "\",";
    }
    bool expected = false;
    for (std::size_t i = 0; i < all.size(); ++i)
      for (std::size_t k = 0; k < i; ++k) expected |= all[i].collides(all[k]);
    collisions += expected;
    EXPECT_EQ(!parse_spaces(text + "]", "s.toml"), expected) << text;
  }
  EXPECT_GT(collisions, 300);
  EXPECT_LT(collisions, 1700);
}

Space make_space(SpaceNumber number, std::string_view name) {
  Space space;
  space.number = number;
  space.name = SpaceName::parse(name).value();
  return space;
}

TEST(Export, RoundTrips) {
  auto plain = make_space(2, "plain");
  auto full = make_space(7, "full.of-things_");
  full.ip4 = Ip::parse("100.64.9.9").value();
  full.ip6 = Ip::parse("fd00::9").value();
  full.nat = false;
  full.state = model::State::down;
  full.forwards = {{Proto::tcp, {}, {6000, 6000}, 8080},
                   {Proto::tcp, {}, {8000, 8099}, 8000},
                   {Proto::udp, Ip::parse("203.0.113.1").value(), {53, 53}, 53},
                   {Proto::udp, Ip::parse("2001:db8::1").value(), {53, 54}, 53}};
  for (Port port = 9000; port < 9020; ++port) full.forwards.push_back({Proto::udp, {}, {port, port}, 1});
  const auto text = write_spaces({plain, full});
  const auto file = parse_spaces(text, "export").value();
  ASSERT_EQ(file.spaces.size(), 2U);
  EXPECT_EQ(file.spaces[0].number, plain.number);
  EXPECT_TRUE(file.spaces[0].nat && file.spaces[0].up && !file.spaces[0].ip4 && !file.spaces[0].ip6);
  const auto& entry = file.spaces[1];
  EXPECT_EQ(entry.name, full.name);
  EXPECT_EQ(entry.number, full.number);
  EXPECT_EQ(entry.ip4, full.ip4);
  EXPECT_EQ(entry.ip6, full.ip6);
  EXPECT_FALSE(entry.nat || entry.up);
  std::vector<Forward> forwards;
  for (const auto& spec : entry.ports)
    for (const auto& forward : spec.forwards({1, 1})) forwards.push_back(forward);
  EXPECT_EQ(forwards, full.forwards);
}

TEST(Export, LeavesOutWhatIsBeingRemoved) {
  auto gone = make_space(3, "gone");
  gone.state = model::State::removing;
  auto adopted = make_space(4, "adopted");
  adopted.adopted = true;
  EXPECT_EQ(write_spaces({make_space(2, "a"), gone, adopted}),
            "[space.a]\nnumber = 2\n\n[space.adopted]\nnumber = 4\n");
  EXPECT_EQ(write_spaces({}), "");
}

TEST(Export, WritesShortPortListsOnOneLine) {
  auto space = make_space(2, "web1");
  space.forwards = {{Proto::tcp, {}, {6000, 6000}, 8080}, {Proto::udp, {}, {53, 53}, 53}};
  EXPECT_EQ(write_spaces({space}), "[space.web1]\nnumber = 2\nports = [\"6000:8080\", \"53:53/udp\"]\n");
}

/// Text for so many spaces with 32 forwards each.
std::string many(SpaceNumber count) {
  std::vector<Space> spaces;
  for (SpaceNumber n = 2; n < 2 + count; ++n) {
    spaces.push_back(make_space(n, fmt::format("web{}", n)));
    for (int i = 0; i < 32; ++i) {
      const auto port = static_cast<Port>((n - 2) * 32 + i + 1000);
      spaces.back().forwards.push_back({Proto::tcp, {}, {port, port}, 8080});
    }
  }
  return write_spaces(spaces);
}

TEST(Speed, GrowsWithTheNumberOfSpacesAndNoFaster) {
  const auto seconds = [](const std::string& text) {
    return test::processor_seconds([&] { EXPECT_TRUE(parse_spaces(text, "s.toml")); });
  };
  EXPECT_LT(seconds(many(1000)), 8 * seconds(many(250)))
      << "four times as much, and sixteen where it is quadratic";
}

TEST(SpacesFile, DevicesWithoutAnIndexTakeWhatTheOthersLeave) {
  const auto file = parse_spaces(
      "[[space.a.device]]\ntype = \"veth\"\n[[space.a.device]]\ntype = \"veth\"\nindex = 1\n"
      "[[space.a.device]]\ntype = \"veth\"\n[[space.a.device]]\ntype = \"veth\"\nindex = 3\n",
      "s.toml");
  ASSERT_TRUE(file) << file.error().what;
  std::vector<int> indices;
  for (const auto& device : file->spaces.front().devices) indices.push_back(device.index);
  EXPECT_EQ(indices, (std::vector{2, 1, 4, 3}));
}

TEST(SpacesFile, MoreDevicesThanThereAreIndicesAreRefused) {
  std::string text;
  for (int i = 0; i < 128; ++i) text += "[[space.a.device]]\ntype = \"veth\"\n";
  const auto file = parse_spaces(text, "s.toml");
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().what.find("s.toml:255: "), std::string::npos) << file.error().what;
  EXPECT_NE(file.error().what.find("at most 127 devices"), std::string::npos) << file.error().what;
}

TEST(SpacesFile, AnIndexStandsOnce) {
  const auto file = parse_spaces(
      "[[space.a.device]]\ntype = \"veth\"\nindex = 1\n[[space.a.device]]\ntype = \"veth\"\n"
      "[[space.a.device]]\ntype = \"veth\"\nindex = 1\n",
      "s.toml");
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().what.find("s.toml:6: "), std::string::npos) << file.error().what;
  EXPECT_NE(file.error().what.find("index 1 stands twice"), std::string::npos) << file.error().what;
}

}  // namespace
}  // namespace warren::config
