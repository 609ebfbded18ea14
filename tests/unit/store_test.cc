// SPDX-License-Identifier: GPL-2.0-or-later
// What the store keeps and answers.
#include <algorithm>

#include "patience.h"
#include "store/devices.h"
#include "store/forwards.h"
#include "store/members.h"
#include "store/meta.h"
#include "store/services.h"
#include "store/spaces.h"
#include "store_fixture.h"

namespace warren::store {
namespace {

using model::Member;
using model::Service;

TEST_F(StoreTest, RoundTripsASpace) {
  auto one =
      space(7, "full.name", {tcp(80), tcp(8000, 8099), udp(53, 0, "203.0.113.1"), udp(53, 0, "2001:db8::1")});
  one.ip4 = ip("100.64.200.1");
  one.ip6 = ip("fd00::77");
  one.nat = false;
  one.adopted = true;
  one.state = State::down;
  one.forwards[0].to = 8080;
  std::ranges::sort(one.forwards);
  {
    auto store = open();
    ASSERT_TRUE(insert(store, one));
    ASSERT_TRUE(insert(store, space(2, "other")));
  }
  auto store = open();
  EXPECT_EQ(store.spaces().find(name("full.name")).value(), one);
  EXPECT_EQ(store.spaces().find(SpaceNumber{7}).value(), one);
  EXPECT_EQ(store.spaces().all().value(), (std::vector{space(2, "other"), one}));
  EXPECT_EQ(store.spaces().count().value(), 2U);
  EXPECT_EQ(store.spaces().find(name("none")).value(), std::nullopt);
  EXPECT_EQ(store.spaces().find(SpaceNumber{3}).value(), std::nullopt);
}

TEST_F(StoreTest, KeepsAnAddressGivenByHandWhileIpv6IsOff) {
  auto one = space(2, "a");
  one.ip6 = ip("fd00::77");
  auto store = open();
  ASSERT_TRUE(store.spaces().insert(one, derived4(2), std::nullopt));
  EXPECT_EQ(store.spaces().find(name("a")).value(), one);
  EXPECT_EQ(store.spaces().owner_of(ip("fd00::77")).value(), name("a"));
}

TEST_F(StoreTest, ChangesASpace) {
  auto store = open();
  auto one = space(2, "a", {tcp(80)});
  ASSERT_TRUE(insert(store, one));
  ASSERT_TRUE(store.spaces().set_state(2, State::removing));
  ASSERT_TRUE(store.spaces().set_adopted(2, true));
  one.nat = false;
  one.ip4 = ip("100.64.99.99");
  ASSERT_TRUE(store.spaces().update(one, *one.ip4, derived6(2)));
  one.state = State::removing;
  one.adopted = true;
  EXPECT_EQ(store.spaces().find(SpaceNumber{2}).value(), one);
  EXPECT_EQ(store.spaces().owner_of(ip("100.64.99.99")).value(), name("a"));
  EXPECT_EQ(store.spaces().owner_of(derived4(2)).value(), std::nullopt);
  EXPECT_EQ(store.spaces().owner_of(*derived6(2)).value(), name("a"));
}

TEST_F(StoreTest, EraseTakesTheForwardsToo) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a", {tcp(80), tcp(90, 99)})));
  ASSERT_TRUE(store.spaces().erase(2));
  EXPECT_EQ(store.forwards().collision(tcp(80)).value(), std::nullopt);
  EXPECT_EQ(store.forwards().collision(tcp(95)).value(), std::nullopt);
  EXPECT_TRUE(insert(store, space(2, "b", {tcp(80)})));
}

TEST_F(StoreTest, WhatIsNotThereIsNotFound) {
  auto store = open();
  EXPECT_EQ(code(store.spaces().erase(5)), Code::not_found);
  EXPECT_EQ(code(store.spaces().set_state(5, State::up)), Code::not_found);
  EXPECT_EQ(code(store.spaces().set_adopted(5, true)), Code::not_found);
  EXPECT_EQ(code(store.spaces().update(space(5, "a"), derived4(5), {})), Code::not_found);
  EXPECT_EQ(code(store.forwards().insert(5, tcp(80))), Code::not_found);
  EXPECT_EQ(code(store.forwards().erase(5, tcp(80))), Code::not_found);
}

TEST_F(StoreTest, EachValueBelongsToOneSpace) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a", {tcp(80)})));
  ASSERT_TRUE(insert(store, space(9, "z")));
  EXPECT_EQ(reason(insert(store, space(3, "a"))), "space a exists already");
  EXPECT_EQ(reason(insert(store, space(2, "b"))), "number 2 is taken by space a");
  EXPECT_EQ(reason(insert(store, space(2, "a"))), "space a exists already");
  EXPECT_EQ(reason(store.spaces().insert(space(3, "b"), derived4(2), {})),
            "address 100.64.0.2 is taken by space a");
  EXPECT_EQ(reason(store.spaces().insert(space(3, "b"), derived4(3), derived6(2))),
            "address fd00:0:0:2::2 is taken by space a");
  EXPECT_EQ(reason(store.spaces().update(space(9, "z"), derived4(2), {})),
            "address 100.64.0.2 is taken by space a");
  const auto refused = insert(store, space(3, "b", {tcp(81), tcp(80)}));
  EXPECT_EQ(reason(refused), "tcp 80 -> 80 is taken by space a");
  EXPECT_EQ(code(refused), Code::exists);
  EXPECT_EQ(store.spaces().all().value(), (std::vector{space(2, "a", {tcp(80)}), space(9, "z")}));
}

TEST_F(StoreTest, ForwardsComeAndGo) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a")));
  ASSERT_TRUE(store.forwards().insert(2, tcp(80)));
  ASSERT_TRUE(store.forwards().insert(2, tcp(80, 0, "10.0.0.1")));
  EXPECT_EQ(code(store.forwards().insert(2, tcp(80))), Code::exists);
  auto other = tcp(80);
  other.to = 8080;
  EXPECT_EQ(code(store.forwards().erase(2, other)), Code::not_found);
  EXPECT_EQ(code(store.forwards().erase(2, udp(80))), Code::not_found);
  EXPECT_TRUE(store.forwards().erase(2, tcp(80)));
  EXPECT_EQ(store.spaces().find(SpaceNumber{2}).value()->forwards, (std::vector{tcp(80, 0, "10.0.0.1")}));
}

TEST_F(StoreTest, CollisionsOfSinglesAndRanges) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "any", {tcp(80), tcp(1000, 1099)})));
  ASSERT_TRUE(insert(store, space(3, "one", {tcp(90, 0, "10.0.0.1"), tcp(2000, 2099, "10.0.0.1")})));
  ASSERT_TRUE(insert(store, space(4, "six", {tcp(90, 0, "2001:db8::1"), tcp(2050, 2149, "2001:db8::1")})));
  const auto who = [&](const Forward& wanted) {
    const auto held = store.forwards().collision(wanted).value();
    if (held) {
      EXPECT_TRUE(held->second.collides(wanted)) << wanted.str();
    }
    return held ? held->first.str() : "";
  };
  EXPECT_EQ(who(tcp(80)), "any");
  EXPECT_EQ(who(tcp(80, 0, "10.0.0.9")), "any");
  EXPECT_EQ(who(tcp(80, 0, "2001:db8::9")), "any");
  EXPECT_EQ(who(tcp(70, 89)), "any");
  EXPECT_EQ(who(tcp(1099)), "any");
  EXPECT_EQ(who(tcp(1099, 1200, "10.0.0.9")), "any");
  EXPECT_EQ(who(tcp(900, 1000)), "any");
  EXPECT_EQ(who(tcp(90, 0, "10.0.0.1")), "one");
  EXPECT_EQ(who(tcp(2099, 0, "10.0.0.1")), "one");
  EXPECT_EQ(who(tcp(2100)), "six");
  EXPECT_EQ(who(tcp(2010)), "one");
  EXPECT_EQ(who(tcp(1, 65535)), "any");
  for (const auto& free :
       {udp(80), tcp(79), tcp(81), tcp(1100), tcp(999), tcp(90, 0, "10.0.0.2"), tcp(2000, 2100, "10.0.0.2"),
        tcp(2100, 0, "10.0.0.1"), tcp(2049, 0, "2001:db8::1"), tcp(2150), udp(1000, 1099)})
    EXPECT_EQ(who(free), "") << free.str();
}

TEST_F(StoreTest, CollisionAgreesWithComparingAll) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a")));
  const auto change = store.begin().value();
  unsigned state = 7;
  const auto random = [&](unsigned below) { return (state = state * 1103515245U + 12345U) / 65536U % below; };
  const std::string_view hosts[] = {"", "", "10.0.0.1", "10.0.0.2", "2001:db8::1"};
  std::vector<Forward> standing;
  for (int i = 0; i < 3000; ++i) {
    const auto first = static_cast<Port>(1 + random(2000));
    const auto last = static_cast<Port>(first + (random(3) ? 0 : random(30)));
    const auto wanted = forward(random(2) ? Proto::tcp : Proto::udp, first, last, hosts[random(5)]);
    const bool taken = std::ranges::any_of(standing, [&](const Forward& f) { return f.collides(wanted); });
    const auto held = store.forwards().collision(wanted).value();
    ASSERT_EQ(held.has_value(), taken) << wanted.str();
    if (taken) {
      ASSERT_TRUE(held->second.collides(wanted)) << wanted.str() << " " << held->second.str();
      if (random(4) == 0) {
        ASSERT_TRUE(store.forwards().erase(2, held->second));
        std::erase(standing, held->second);
      }
      continue;
    }
    ASSERT_TRUE(store.forwards().insert(2, wanted));
    standing.push_back(wanted);
  }
  std::ranges::sort(standing);
  EXPECT_GT(standing.size(), 300U);
  EXPECT_EQ(store.spaces().find(SpaceNumber{2}).value()->forwards, standing);
}

TEST_F(StoreTest, WhoHasAPort) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a", {tcp(80, 0, "10.0.0.1"), udp(70, 90)})));
  ASSERT_TRUE(insert(
      store, space(3, "b", {tcp(75, 85, "10.0.0.2"), tcp(80, 82, "2001:db8::1"), tcp(81, 81, "10.0.0.1")})));
  std::vector<std::string> found;
  const auto all = store.forwards().of_port(80).value();
  for (const auto& [owner, held] : all) found.push_back(owner.str() + " " + held.str());
  EXPECT_EQ(found, (std::vector<std::string>{"a tcp 10.0.0.1:80 -> 80", "b tcp [2001:db8::1]:80-82",
                                             "b tcp 10.0.0.2:75-85", "a udp 70-90"}));
  EXPECT_TRUE(store.forwards().of_port(100).value().empty());
}

TEST_F(StoreTest, UsedPorts) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a",
                                  {tcp(100), tcp(101), tcp(103), tcp(90, 95), tcp(200, 300, "10.0.0.1"),
                                   tcp(250, 350, "10.0.0.2"), udp(110), tcp(65530, 65535)})));
  using Ranges = std::vector<PortRange>;
  EXPECT_EQ(store.forwards().used(Proto::tcp, {93, 260}).value(),
            (Ranges{{93, 95}, {100, 101}, {103, 103}, {200, 260}}));
  EXPECT_EQ(store.forwards().used(Proto::tcp, {1, 65535}).value(),
            (Ranges{{90, 95}, {100, 101}, {103, 103}, {200, 350}, {65530, 65535}}));
  EXPECT_EQ(store.forwards().used(Proto::tcp, {310, 320}).value(), (Ranges{{310, 320}}));
  EXPECT_EQ(store.forwards().used(Proto::udp, {1, 100}).value(), Ranges{});
}

TEST_F(StoreTest, NumbersGoUpAndRestBeforeTheyComeAgain) {
  auto store = open();
  const auto add = [&](std::string_view called) {
    const auto number = store.spaces().allocate(5, derived()).value();
    EXPECT_TRUE(insert(store, space(number, called)));
    return number;
  };
  EXPECT_EQ(add("a"), 2);
  EXPECT_EQ(add("b"), 3);
  ASSERT_TRUE(store.spaces().erase(3));
  EXPECT_EQ(add("c"), 4);
  EXPECT_EQ(add("d"), 5);
  ASSERT_TRUE(store.spaces().erase(2));
  EXPECT_EQ(add("e"), 2);
  EXPECT_EQ(add("f"), 3);
  const auto none = store.spaces().allocate(5, derived());
  EXPECT_EQ(reason(none), "all 4 numbers of the pool are taken: remove spaces or widen `pool`");
  EXPECT_EQ(store.spaces().allocate(6, derived()).value(), 6);
}

TEST_F(StoreTest, NumbersPassOverTakenAddressesAndOnesGivenByHand) {
  auto store = open();
  auto by_hand = space(100, "hand");
  by_hand.ip4 = derived4(102);
  by_hand.ip6 = derived6(103);
  ASSERT_TRUE(insert(store, by_hand));
  EXPECT_EQ(store.spaces().allocate(kLastNumber, derived()).value(), 101);
  EXPECT_EQ(store.spaces().allocate(kLastNumber, derived()).value(), 104);
  EXPECT_EQ(store.spaces().allocate(50, derived()).value(), 2) << "the pool has shrunk";
}

TEST_F(StoreTest, AllNumbersCanBeGiven) {
  auto store = open();
  auto change = store.begin().value();
  ASSERT_TRUE(insert(store, space(kLastNumber - 1, "a")));
  EXPECT_EQ(store.spaces().allocate(kLastNumber, derived()).value(), kLastNumber);
  EXPECT_EQ(store.spaces().allocate(kLastNumber, derived()).value(), kFirstNumber);
}

TEST_F(StoreTest, Ula) {
  const auto ula = Cidr::parse("fd12:3456:789a::/48").value();
  {
    auto store = open();
    EXPECT_EQ(store.meta().ula().value(), std::nullopt);
    ASSERT_TRUE(store.meta().set_ula(Cidr::parse("fd00::/48").value()));
    ASSERT_TRUE(store.meta().set_ula(ula));
  }
  EXPECT_EQ(open().meta().ula().value(), ula);
}

Member member(std::string_view text) { return Member::parse(text).value(); }

using Members = std::vector<std::pair<Member, SpaceName>>;

TEST_F(StoreTest, MembersAreUsersAndGroupsOfOneSpaceEach) {
  {
    auto store = open();
    ASSERT_TRUE(insert(store, space(2, "a")));
    ASSERT_TRUE(insert(store, space(3, "b")));
    for (const auto* text : {"zoe", "alice", "@alice"}) ASSERT_TRUE(store.members().insert(2, member(text)));
    ASSERT_TRUE(store.members().insert(3, member("@staff")));
    const auto taken = store.members().insert(3, member("alice"));
    EXPECT_EQ(code(taken), Code::exists);
    EXPECT_EQ(reason(taken), "alice is a member of space a already");
    EXPECT_EQ(reason(store.members().insert(3, member("@staff"))), "@staff is a member of space b already");
    EXPECT_FALSE(store.members().insert(4, member("bob"))) << "there is no such space";
  }
  auto store = open();
  EXPECT_EQ(store.members().all().value(), (Members{{member("alice"), name("a")},
                                                    {member("zoe"), name("a")},
                                                    {member("@alice"), name("a")},
                                                    {member("@staff"), name("b")}}));
  EXPECT_EQ(store.members().of(2).value(), (std::vector{member("alice"), member("zoe"), member("@alice")}));
  EXPECT_EQ(store.members().of(4)->size(), 0U);
  EXPECT_EQ(store.members().space_of(member("@staff")).value(), name("b"));
  EXPECT_EQ(store.members().space_of(member("staff")).value(), std::nullopt);
}

TEST_F(StoreTest, MembersGoOneByOneAndWithTheirSpace) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a")));
  ASSERT_TRUE(insert(store, space(3, "b")));
  ASSERT_TRUE(store.members().insert(2, member("alice")));
  ASSERT_TRUE(store.members().insert(2, member("@staff")));
  const auto none = store.members().erase(3, member("alice"));
  EXPECT_EQ(code(none), Code::not_found);
  EXPECT_EQ(reason(none), "alice is no member of it");
  ASSERT_TRUE(store.members().erase(2, member("alice")));
  EXPECT_EQ(code(store.members().erase(2, member("alice"))), Code::not_found);
  ASSERT_TRUE(store.members().insert(3, member("alice")));
  ASSERT_TRUE(store.spaces().erase(2));
  EXPECT_EQ(store.members().all().value(), (Members{{member("alice"), name("b")}}));
}

Service service(std::string_view called, Port port, std::string_view target) {
  Service out;
  out.name = ServiceName::parse(called).value();
  out.port = port;
  out.target = model::Target::parse(target).value();
  return out;
}

TEST_F(StoreTest, RoundTripsServices) {
  auto sql = service("sql", 3306, "unix:/run/with space.sock");
  sql.header = model::ProxyHeader::v2;
  sql.scope = {model::ScopeKind::only, {name("a"), name("b")}};
  auto dns = service("dns", 53, "100.64.0.1:5353");
  dns.proto = Proto::udp;
  dns.mode = model::ServiceMode::nat;
  dns.scope = {model::ScopeKind::except, {name("not.yet")}};
  auto web = service("web", 65535, "[2001:db8::1]:80");
  web.header = model::ProxyHeader::v1;
  const auto mail = service("mail", 1, "mail.example:25");
  {
    auto store = open();
    EXPECT_EQ(store.services().all()->size(), 0U);
    for (const auto& one : {sql, dns, web, mail}) ASSERT_TRUE(store.services().insert(one));
  }
  auto store = open();
  EXPECT_EQ(store.services().all().value(), (std::vector{dns, mail, sql, web}));
  const auto twice = store.services().insert(service("web", 1, "192.0.2.1:1"));
  EXPECT_EQ(code(twice), Code::exists);
  EXPECT_EQ(reason(twice), "there is a service 'web' already");
}

TEST_F(StoreTest, RemovesAServiceWithItsScope) {
  auto store = open();
  auto one = service("sql", 3306, "192.0.2.1:3306");
  one.scope = {model::ScopeKind::only, {name("a")}};
  ASSERT_TRUE(store.services().insert(one));
  ASSERT_TRUE(store.services().erase(one.name));
  const auto gone = store.services().erase(one.name);
  EXPECT_EQ(code(gone), Code::not_found);
  EXPECT_EQ(reason(gone), "there is no service 'sql'; `warren service ls` lists them");
  one.scope = {};
  ASSERT_TRUE(store.services().insert(one));
  EXPECT_EQ(store.services().all().value(), std::vector{one});
}

TEST_F(StoreTest, ImpossibleMembersAndServicesAreDamage) {
  for (const auto* sql : {"INSERT INTO member SELECT 2, 'alice', id FROM space",
                          "INSERT INTO member SELECT 0, '../x', id FROM space",
                          "INSERT INTO service VALUES('s', 1, 80, '192.0.2.1:80', 0, 0, 0)",
                          "INSERT INTO service VALUES('s', 6, 80, 'nonsense', 0, 0, 0)",
                          "INSERT INTO service VALUES('s', 6, 80, '192.0.2.1:80', 2, 0, 0)",
                          "INSERT INTO service VALUES('s', 6, 80, '192.0.2.1:80', 0, 3, 0)",
                          "INSERT INTO service VALUES('s', 6, 80, '192.0.2.1:80', 0, 0, 3)",
                          "INSERT INTO service VALUES('-', 6, 80, '192.0.2.1:80', 0, 0, 0)",
                          "INSERT INTO service_space VALUES('nobody', 'a')"}) {
    {
      auto store = open();
      ASSERT_TRUE(insert(store, space(2, "a")));
    }
    raw(sql);
    auto store = open();
    EXPECT_FALSE(store.members().all() && store.services().all()) << sql;
    raw("PRAGMA foreign_keys = OFF; DELETE FROM member; DELETE FROM service; DELETE FROM service_space; "
        "DELETE FROM space");
  }
}

/// The processor's time for reading all of a store of so many spaces, and for asking it 500 times who has a
/// port.
struct Cost {
  double load, ask;
};

Cost cost(Store& store, SpaceNumber first, SpaceNumber last) {
  auto change = store.begin().value();
  for (SpaceNumber n = first; n < last; ++n) {
    auto one = space(n, fmt::format("s{}", n));
    for (int i = 0; i < 32; ++i) one.forwards.push_back(tcp(static_cast<Port>((n - 2) * 32 + i + 1)));
    EXPECT_TRUE(insert(store, one));
  }
  EXPECT_TRUE(change.commit());
  const auto ask = [&] {
    for (Port port = 1; port <= 250; ++port) {
      EXPECT_TRUE(store.forwards().collision(tcp(port)).value());
      EXPECT_FALSE(store.forwards().collision(tcp(static_cast<Port>(40000 + port))).value());
    }
  };
  return {test::processor_seconds([&] { EXPECT_EQ(store.spaces().all()->size(), last - 2U); }),
          test::processor_seconds(ask)};
}

TEST_F(StoreTest, ReadsQuicklyAndAsksNarrowly) {
  auto store = open();
  const auto few = cost(store, 2, 252), many = cost(store, 252, 1002);
  EXPECT_LT(many.load, 8 * few.load) << "four times as much, and sixteen where it is quadratic";
  EXPECT_LT(many.ask, 2.5 * few.ask)
      << "each asks an index: as much, and four times as much where it reads all";
}

TEST_F(StoreTest, DevicesComeBackAsTheyWent) {
  auto store = open();
  auto one = space(2, "web1");
  one.uplink = false;
  model::Device device;
  device.index = 3;
  device.kind = model::DeviceKind::physical;
  device.name = IfName::parse("wan").value();
  device.parent = IfName::parse("eth1").value();
  device.mac = Mac::parse("02:00:00:00:00:07").value();
  device.addresses = {IpPrefix::parse("192.0.2.5/24").value(), IpPrefix::parse("2001:db8::5/64").value()};
  device.gateways = {ip("192.0.2.1")};
  device.dhcp = true;
  one.devices = {device};
  ASSERT_TRUE(insert(store, one));
  EXPECT_EQ(**store.spaces().find(one.name), one);
  device.leaving = true;
  device.old_addresses = {IpPrefix::parse("192.0.2.4/24").value(), IpPrefix::parse("192.0.2.5/25").value()};
  device.old_gateways = {ip("192.0.2.1"), ip("2001:db8::1")};
  model::Origin origin{"veth", Mac::parse("02:00:00:00:00:08").value()};
  origin.permanent = Mac::parse("52:54:00:00:00:01").value();
  origin.hardware = "pci/0000:00:03.0";
  origin.up = true;
  origin.index = 7, origin.peer = 8, origin.mtu = 1400, origin.group = 3000000000U;
  origin.altnames = {"enp0s3", "uplink"};
  const auto former = IpPrefix::parse("192.0.2.9/24").value();
  origin.addresses = {{former}, {former, ip("192.0.2.8"), ip("192.0.2.255"), 253, true}};
  device.origin = origin;
  ASSERT_TRUE(store.devices().put(2, device));
  EXPECT_EQ((*store.spaces().all())[0].devices, std::vector{device});
  std::swap(device.origin, device.home);
  ASSERT_TRUE(store.devices().put(2, device));
  EXPECT_EQ((*store.spaces().all())[0].devices, std::vector{device});
  ASSERT_TRUE(store.devices().erase(2, 3));
  EXPECT_EQ(code(store.devices().erase(2, 3)), Code::not_found);
  ASSERT_TRUE(store.devices().change(2, device)) << "one that is gone does not come back";
  EXPECT_TRUE((*store.spaces().all())[0].devices.empty());
  ASSERT_TRUE(store.devices().put(2, device));
  ASSERT_TRUE(store.spaces().erase(2));
  EXPECT_TRUE(store.spaces().all()->empty());
  EXPECT_FALSE(store.devices().put(2, device)) << "a device of no space";
}

}  // namespace
}  // namespace warren::store
