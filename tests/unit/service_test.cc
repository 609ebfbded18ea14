// SPDX-License-Identifier: GPL-2.0-or-later
// What a service, its target, its scope and a member may be.
#include <gtest/gtest.h>

#include "model/derive.h"
#include "model/service.h"

namespace warren::model {
namespace {

SpaceName space_name(std::string_view text) { return SpaceName::parse(text).value(); }

/// The message of a failure; it must be one line and of kind `usage`.
template <class T>
std::string reason(const Result<T>& result) {
  if (result) return "(no error)";
  EXPECT_EQ(result.error().code, Code::usage) << result.error().what;
  EXPECT_EQ(result.error().what.find('\n'), std::string::npos) << result.error().what;
  return result.error().what;
}

TEST(TargetParse, WhatItIs) {
  const auto ip4 = Target::parse("192.0.2.1:3306").value();
  EXPECT_EQ(ip4.ip(), *Ip::parse("192.0.2.1"));
  EXPECT_EQ(ip4.port(), 3306);
  EXPECT_EQ(ip4.host() + ip4.path(), "");
  const auto ip6 = Target::parse("[fd00::5]:1").value();
  EXPECT_EQ(ip6.ip(), *Ip::parse("fd00::5"));
  const auto host = Target::parse("db.example:65535").value();
  EXPECT_EQ(host.host(), "db.example");
  EXPECT_EQ(host.port(), 65535);
  EXPECT_FALSE(host.ip());
  const auto path = Target::parse("unix:/run/a b.sock").value();
  EXPECT_EQ(path.path(), "/run/a b.sock");
  EXPECT_EQ(path.port(), 0);
  EXPECT_FALSE(path.ip());
}

TEST(TargetParse, IsWrittenAsItWasRead) {
  for (const auto* text : {"127.0.0.1:3306", "192.0.2.1:1", "[::1]:80", "[2001:db8::1]:65535", "localhost:25",
                           "a.b-c.example:9", "unix:/run/mysqld/mysqld.sock", "unix:/"}) {
    const auto target = Target::parse(text);
    ASSERT_TRUE(target) << text;
    EXPECT_EQ(target->str(), text);
    EXPECT_EQ(Target::parse(target->str()).value(), *target);
  }
  EXPECT_EQ(Target::parse("[2001:DB8:0::1]:80")->str(), "[2001:db8::1]:80");
}

TEST(TargetParse, Refuses) {
  for (const auto* text : {"",
                           ":",
                           ":80",
                           "80",
                           "192.0.2.1",
                           "192.0.2.1:",
                           "192.0.2.1:0",
                           "192.0.2.1:65536",
                           "192.0.2.1:-1",
                           "192.0.2.1:+1",
                           "192.0.2.1: 1",
                           "192.0.2.1:80 ",
                           "192.0.2.1:80/tcp",
                           "::1:80",
                           "[::1]",
                           "[::1]80",
                           "[::1]:",
                           "[::1:80",
                           "[]:80",
                           "[192.0.2.1]:80",
                           "[host]:80",
                           "2001:db8::1:80",
                           "0.0.0.0:80",
                           "[::]:80",
                           "-x:80",
                           "192.0.2.256:80",
                           "192.0.2:80",
                           "1:80",
                           "192.0.2.1.:80",
                           ".x:80",
                           "a_b:80",
                           "a b:80",
                           "h\n:80",
                           "h/x:80",
                           "unix:",
                           "unix:run/x.sock",
                           "unix:./x",
                           "unix:/run/\nx",
                           "unix:/run/\x7f",
                           "UNIX:/run/x"}) {
    const auto what = reason(Target::parse(text));
    EXPECT_NE(what, "(no error)") << text;
    EXPECT_LT(what.size(), 300U);
  }
}

TEST(TargetParse, LengthsAtTheEdge) {
  EXPECT_TRUE(Target::parse("unix:/" + std::string(106, 'x')));
  EXPECT_FALSE(Target::parse("unix:/" + std::string(107, 'x'))) << "sockaddr_un has no room for it";
  EXPECT_TRUE(Target::parse(std::string(253, 'h') + ":80"));
  EXPECT_FALSE(Target::parse(std::string(254, 'h') + ":80"));
  EXPECT_LT(reason(Target::parse(std::string(100'000, '@') + ":80")).size(), 400U);
}

TEST(TargetParse, SaysWhatIsWrong) {
  EXPECT_EQ(reason(Target::parse("3306")),
            "target '3306': write ADDRESS:PORT, [IPV6]:PORT, NAME:PORT or unix:/PATH");
  EXPECT_EQ(reason(Target::parse("a_b:80")), "target 'a_b:80': 'a_b' is neither an address nor a host name");
  EXPECT_EQ(reason(Target::parse("0.0.0.0:80")), "target '0.0.0.0:80': nothing can be reached at 0.0.0.0");
  EXPECT_EQ(reason(Target::parse("unix:x")),
            "'x': a Unix socket is an absolute path of at most 107 characters");
}

TEST(TargetLoopback, IsTold) {
  for (const auto* text : {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1"})
    EXPECT_TRUE(Target::parse(text)->is_loopback()) << text;
  for (const auto* text : {"128.0.0.1:1", "100.64.0.1:1", "[::2]:1", "localhost:1", "unix:/x"})
    EXPECT_FALSE(Target::parse(text)->is_loopback()) << text;
}

Scope all() { return {}; }
Scope only(std::vector<SpaceName> spaces) { return {ScopeKind::only, std::move(spaces)}; }
Scope except(std::vector<SpaceName> spaces) { return {ScopeKind::except, std::move(spaces)}; }

TEST(ScopeCovers, WhatItSays) {
  const auto a = space_name("a"), b = space_name("b");
  EXPECT_TRUE(all().covers(a));
  EXPECT_TRUE(only({a}).covers(a));
  EXPECT_FALSE(only({a}).covers(b));
  EXPECT_FALSE(except({a}).covers(a));
  EXPECT_TRUE(except({a}).covers(b));
}

TEST(ScopeMeets, WhereASpaceCouldBeInBoth) {
  const auto a = space_name("a"), b = space_name("b"), c = space_name("c");
  struct Case {
    Scope one, other;
    bool meet;
  };
  const Case cases[] = {
      {all(), all(), true},
      {all(), only({a}), true},
      {all(), except({a}), true},  // c may come
      {except({a}), except({b}), true},
      {except({a, b, c}), except({a, b, c}), true},
      {only({a}), only({a}), true},
      {only({a, b}), only({b, c}), true},
      {only({a}), only({b}), false},
      {only({a}), except({a}), false},
      {only({a, b}), except({a, b, c}), false},
      {only({a, b}), except({a}), true},
  };
  for (const auto& [one, other, meet] : cases) {
    EXPECT_EQ(one.meets(other), meet);
    EXPECT_EQ(other.meets(one), meet);
  }
}

Service service(std::string_view target, ServiceMode mode, Proto proto = Proto::tcp,
                ProxyHeader header = ProxyHeader::none) {
  Service out;
  out.name = ServiceName::parse("sql").value();
  out.port = 3306;
  out.target = Target::parse(target).value();
  out.mode = mode, out.proto = proto, out.header = header;
  return out;
}

TEST(ServiceCheck, WhatCanBe) {
  using enum ServiceMode;
  for (const auto& good : {
           service("192.0.2.1:1", nat),
           service("192.0.2.1:1", nat, Proto::udp),
           service("127.0.0.1:1", proxy),
           service("127.0.0.1:1", proxy, Proto::udp),
           service("[::1]:1", proxy, Proto::tcp, ProxyHeader::v1),
           service("db.example:1", proxy, Proto::tcp, ProxyHeader::v2),
           service("unix:/run/x", proxy),
           service("unix:/run/x", proxy, Proto::tcp, ProxyHeader::v2),
       })
    EXPECT_TRUE(check(good)) << good.target.str();
}

TEST(ServiceCheck, WhatCannotBeAndWhy) {
  using enum ServiceMode;
  struct Case {
    Service service;
    std::string_view why;
  };
  const Case cases[] = {
      {service("127.0.0.1:1", nat), "what listens on the host's 127.0.0.1 alone cannot be reached by nat"},
      {service("[2001:db8::1]:1", nat), "translated to IPv4 only: use --mode proxy"},
      {service("[::1]:1", nat), "translated to IPv4 only: use --mode proxy"},
      {service("db.example:1", nat), "the kernel needs an address, not a name"},
      {service("unix:/run/x", nat), "the kernel cannot translate to a Unix socket: use --mode proxy"},
      {service("192.0.2.1:1", nat, Proto::tcp, ProxyHeader::v1), "the kernel writes no PROXY header"},
      {service("192.0.2.1:1", nat, Proto::udp, ProxyHeader::v1), "the PROXY protocol is for TCP"},
      {service("192.0.2.1:1", proxy, Proto::udp, ProxyHeader::v2), "the PROXY protocol is for TCP"},
      {service("unix:/run/x", proxy, Proto::udp), "UDP has no Unix socket to go to"},
      {service("unix:/run/x", nat, Proto::udp), "UDP has no Unix socket to go to"},
  };
  for (const auto& [service, why] : cases) {
    const auto what = reason(check(service));
    EXPECT_TRUE(what.starts_with("service sql to " + service.target.str() + ": ")) << what;
    EXPECT_NE(what.find(why), what.npos) << what;
  }
}

TEST(NatServices, ThoseOfTheSpace) {
  Settings settings;
  Space a;
  a.number = 2, a.name = space_name("a");
  EXPECT_FALSE(has_nat_services(settings));
  settings.services = {service("127.0.0.1:1", ServiceMode::proxy)};
  EXPECT_FALSE(has_nat_services(settings));
  auto here = service("100.64.0.1:3306", ServiceMode::nat, Proto::udp);
  auto elsewhere = here;
  here.scope = only({a.name});
  elsewhere.scope = except({a.name});
  settings.services.push_back(here);
  settings.services.push_back(elsewhere);
  EXPECT_TRUE(has_nat_services(settings));
  ASSERT_EQ(nat_services(a, settings).size(), 1U);
  EXPECT_EQ(*nat_services(a, settings)[0], here);
  auto second = here;  // another port of the space, and the same target
  second.port = 3307;
  settings.services.push_back(second);
  const auto elements = service_elements(a, settings);
  ASSERT_EQ(elements.size(), 1U) << "twice in one transaction, it could not be deleted";
  const auto& element = elements[0];
  EXPECT_EQ(element.set, SetId::services);
  EXPECT_EQ(element.interface.str(), "veth_a_o");
  EXPECT_EQ(element.address, *Ip::parse("100.64.0.1"));
  EXPECT_EQ(element.proto, Proto::udp);
  EXPECT_EQ(element.ports, (PortRange{3306, 3306}));
}

TEST(MemberParse, UsersAndGroups) {
  for (const auto* text :
       {"alice", "@staff", "a", "_x", "web.1", "a-b", "1000", "Mixed_Case", "host$", "@host$"}) {
    const auto member = Member::parse(text);
    ASSERT_TRUE(member) << text;
    EXPECT_EQ(member->str(), text);
    EXPECT_EQ(member->kind, text[0] == '@' ? Member::Kind::group : Member::Kind::user);
  }
  EXPECT_LT(Member::parse("zoe").value(), Member::parse("@a").value()) << "users come before groups";
}

TEST(MemberParse, Refuses) {
  for (const auto* text : {"", "@", "@@a", "-a", "@-a", ".", "..", "@..", "a/b", "../a", "a b", "a:b", "a@b",
                           "a#b", "$", "a$b", "a\n", "ä"})
    EXPECT_NE(reason(Member::parse(text)), "(no error)") << text;
  EXPECT_TRUE(Member::parse(std::string(32, 'a')));
  EXPECT_TRUE(Member::parse("@" + std::string(32, 'a')));
  EXPECT_FALSE(Member::parse(std::string(33, 'a')));
}

TEST(ServiceNameParse, AsASpace) {
  for (const auto* text : {"mysql", "_x", "a.b-c", "X"}) EXPECT_TRUE(ServiceName::parse(text)) << text;
  for (const auto* text : {"", "1st", "-a", ".a", "a b", "a/b", "a@b"})
    EXPECT_EQ(reason(ServiceName::parse(text)).find("(no error)"), std::string::npos) << text;
}

}  // namespace
}  // namespace warren::model
