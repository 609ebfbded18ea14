// SPDX-License-Identifier: GPL-2.0-or-later
// The nft table in the kernel: it loads, it is listed back, a transaction is all or nothing, and every kind
// of element comes back as it went.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <sys/prctl.h>

#include "../unit/rules_fixture.h"
#include "host/kernel.h"
#include "host/listen.h"
#include "host/table.h"
#include "kernel_fixture.h"
#include "netlink/nft_dump.h"
#include "nft/inner.h"
#include "nft/runner.h"

namespace warren::nft {
namespace {

class Nft : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    if (!IsSkipped()) runner_.emplace(Runner::open().value());
  }
  std::string rules() { return runner_->list_rules().value(); }

  std::optional<Runner> runner_;
};

TEST_F(Nft, EveryGoldenTableLoadsAndIsListedBack) {
  for (const auto& [name, rules] : variants()) {
    std::ifstream file(fmt::format("{}/{}.nft", WARREN_GOLDEN, name));
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    ASSERT_TRUE(text == table_text(rules)) << name << ".nft is out of date";
    ASSERT_OK(runner_->run(text)) << name;
    const auto first = this->rules();
    std::size_t chains = 0;
    for (auto at = text.find("  chain "); at != text.npos; at = text.find("  chain ", at + 1), ++chains)
      EXPECT_NE(first.find(text.substr(at + 2, text.find('{', at) - at - 1)), std::string::npos)
          << name << text.substr(at, 30);
    EXPECT_GT(chains, 8U);
    for (const auto set : kAllSets)
      for (const auto family : families(set))
        EXPECT_NE(first.find(" " + set_name(set, family) + " {"), std::string::npos) << set_name(set, family);
    ASSERT_OK(runner_->run(text)) << "it replaces itself";
    EXPECT_EQ(this->rules(), first) << "the same rules are listed the same";
  }
}

TEST_F(Nft, TheInnerTableLoadsReplacesItselfAndGoes) {
  const auto link = ifname("veth_web1");
  const auto text =
      inner_text(link, ip("100.64.0.2"),
                 {{Proto::tcp, 3306, ip("100.64.0.1"), 3306}, {Proto::udp, 53, ip("192.0.2.53"), 5353}});
  ASSERT_OK(runner_->run(text));
  const auto first = rules();
  for (const auto* part : {"map services", "dnat ip to", "snat ip to 100.64.0.2"})
    EXPECT_NE(first.find(part), first.npos) << part;
  ASSERT_OK(runner_->run(text));
  EXPECT_EQ(rules(), first);
  ASSERT_OK(runner_->run(inner_text(link, ip("100.64.0.2"), {})));
  EXPECT_EQ(rules(), "");
  ASSERT_OK(runner_->run(inner_text(link, ip("100.64.0.2"), {}))) << "nor where none stands";
}

TEST_F(Nft, TheListIsOfRulesNotOfElementsOrCounters) {
  ASSERT_OK(runner_->run(table_text(plain_rules())));
  const auto before = rules();
  ASSERT_OK(runner_->run(add_text(some_elements(SetId::forwards, Family::v4))));
  EXPECT_EQ(rules(), before);
  ASSERT_OK(runner_->run("add rule inet warren input counter"));
  EXPECT_NE(rules(), before) << "a rule more is seen";
}

TEST_F(Nft, OneBadLineAndNothingIsDone) {
  ASSERT_OK(runner_->run(table_text(plain_rules())));
  const auto before = rules();
  const auto good = add_text(some_elements(SetId::forwards, Family::v4));
  for (const std::string bad : {"add element inet warren nosuchset { 1.2.3.4 }\n",
                                "delete element inet warren no_nat4 "
                                "{ 1.2.3.4 }\n",
                                "delete table inet nosuchtable\n"}) {
    const auto status = runner_->run(good + "add chain inet warren extra\n" + bad);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, Code::not_found) << status.error().what;
    EXPECT_TRUE(status.error().what.starts_with("nft: "));
    EXPECT_EQ(status.error().what.find('\n'), std::string::npos);
    EXPECT_EQ(rules(), before);
    host::Kernel kernel(kPlace);
    EXPECT_TRUE(host::read_elements(kernel)->empty()) << bad;
  }
  const auto nonsense = runner_->run("not a command\n");
  ASSERT_FALSE(nonsense);
  EXPECT_EQ(nonsense.error().what.find('\n'), std::string::npos);
  EXPECT_TRUE(runner_->run(good)) << "a refusal leaves the context usable";
}

TEST_F(Nft, ATakenKeyIsRefusedAsSuch) {
  auto one = some_elements(SetId::forwards, Family::v4);
  ASSERT_OK(runner_->run(table_text(plain_rules()) + add_text(one)));
  one[0].to_port = 9;
  const auto status = runner_->run(add_text({one.data(), 1}));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::exists) << status.error().what;
}

TEST_F(Nft, RemovalIsFineWhereNothingStands) {
  EXPECT_EQ(rules(), "");
  ASSERT_OK(runner_->run(remove_text()));
  ASSERT_OK(runner_->run(table_text(plain_rules())));
  ASSERT_OK(runner_->run("table inet other { }"));
  ASSERT_OK(runner_->run(remove_text()));
  EXPECT_EQ(rules(), "");
  auto socket = open(NETLINK_NETFILTER);
  EXPECT_EQ(netlink::has_table(socket, "warren"), false);
  EXPECT_EQ(netlink::has_table(socket, "other"), true) << "nobody else's is touched";
}

TEST_F(Nft, BaseChainsAreListed) {
  ASSERT_OK(runner_->run(
      "table ip x { chain f { type filter hook forward priority 5; policy drop; }\nchain plain { }\n}\n"));
  auto socket = open(NETLINK_NETFILTER);
  const auto chains = netlink::dump_base_chains(socket).value();
  ASSERT_EQ(chains.size(), 1U);
  EXPECT_EQ(chains[0].table, "x");
  EXPECT_EQ(chains[0].name, "f");
  EXPECT_EQ(chains[0].type, "filter");
  EXPECT_EQ(chains[0].hook, 2U);
  EXPECT_EQ(chains[0].priority, 5);
  EXPECT_TRUE(chains[0].policy_drop);
}

TEST_F(Nft, WhoChangedTheRulesIsTold) {
  auto socket = open(NETLINK_NETFILTER);
  ASSERT_OK(socket.join(7));  // NFNLGRP_NFTABLES
  ASSERT_OK(runner_->run("table ip x { }"));
  std::optional<netlink::RulesetChange> change;
  ASSERT_OK(socket.receive([&](const netlink::MessageView& message) {
    if (auto one = netlink::parse_ruleset_change(message)) change = one;
  }));
  ASSERT_TRUE(change);
  EXPECT_EQ(change->process, "warren_kernel");
  EXPECT_GT(change->generation, 0U);
}

TEST_F(Nft, WhatOthersDoToTheRulesIsTold) {
  auto socket = host::listen_to(NETLINK_NETFILTER, {7}).value();  // NFNLGRP_NFTABLES
  host::RulesListener listener;
  const auto told = [&](const char* process, const std::string& rules) {
    ::prctl(PR_SET_NAME, process);
    EXPECT_TRUE(runner_->run(rules));
    ::prctl(PR_SET_NAME, "warren_kernel");
    std::vector<host::ForeignChange> all;
    EXPECT_EQ(socket.receive([&](const netlink::MessageView& message) {
      if (auto one = listener.take(message)) all.push_back(std::move(*one));
    }),
              true);
    return all;
  };
  EXPECT_TRUE(told("warren", table_text(plain_rules())).empty());
  EXPECT_TRUE(told("warrend", table_text(plain_rules())).empty()) << "it mends, which is no news";
  const auto other = told("warrens", "table ip other { }");
  ASSERT_EQ(other.size(), 1U);
  EXPECT_TRUE(other[0].by.starts_with("warrens (PID ")) << other[0].by;
  EXPECT_FALSE(other[0].our_table) << "what warren did before does not count against it";
  const auto ours = told("nft", "add rule inet warren input counter");
  ASSERT_EQ(ours.size(), 1U);
  EXPECT_TRUE(ours[0].our_table);
  EXPECT_EQ(told("nft", "table ip third { }").at(0).our_table, false) << "each is told for itself";
}

class Elements : public Nft {
 protected:
  void SetUp() override {
    Nft::SetUp();
    if (IsSkipped()) return;
    ASSERT_OK(runner_->run(table_text(plain_rules())));
  }
  std::vector<Element> read() { return host::read_elements(kernel_).value(); }
  host::Kernel kernel_{kPlace};
};

TEST_F(Elements, OfEverySetAndFamilyRoundTrip) {
  std::vector<Element> all;
  for (const auto set : kAllSets)
    for (const auto family : families(set)) {
      auto some = some_elements(set, family);
      std::ranges::sort(some);
      ASSERT_OK(host::change_elements(kernel_, {}, some)) << set_name(set, family);
      EXPECT_EQ(read(), some) << set_name(set, family);
      EXPECT_EQ(host::read_counted(kernel_, set, family)->size(), some.size());
      ASSERT_OK(host::change_elements(kernel_, some, {})) << set_name(set, family);
      EXPECT_TRUE(read().empty()) << set_name(set, family);
      all.insert(all.end(), some.begin(), some.end());
    }
  std::ranges::sort(all);
  ASSERT_OK(host::change_elements(kernel_, {}, all));
  EXPECT_EQ(read(), all);
  ASSERT_OK(host::change_elements(kernel_, {all[0]}, {}));
  all.erase(all.begin());
  EXPECT_EQ(read(), all) << "one goes, the rest stays";
}

TEST_F(Elements, RangesSideBySideStayTwo) {
  for (const auto set : {SetId::ranges, SetId::ranges_at})
    for (const auto family : {Family::v4, Family::v6}) {
      auto first = some_elements(set, family)[0];
      auto second = first, widest = first;
      first.ports = {8000, 8099};
      second.ports = {8100, 8199};
      ASSERT_OK(host::change_elements(kernel_, {}, {first, second}));
      EXPECT_EQ(read(), (std::vector{first, second}));
      ASSERT_OK(host::change_elements(kernel_, {first}, {}));
      EXPECT_EQ(read(), std::vector{second});
      widest.ports = {1, 65535};
      ASSERT_OK(host::change_elements(kernel_, {second}, {widest}));
      EXPECT_EQ(read(), std::vector{widest});
      ASSERT_OK(host::change_elements(kernel_, {widest}, {}));
    }
}

TEST_F(Elements, AreFoundByTheirKeysAlone) {
  for (const auto set : kAllSets)
    for (const auto family : families(set)) {
      auto some = some_elements(set, family);
      std::ranges::sort(some);
      EXPECT_TRUE(host::find_counted(kernel_, some)->empty()) << "none stands: " << set_name(set, family);
      ASSERT_OK(host::change_elements(kernel_, {}, some));
      const auto one = host::find_counted(kernel_, {some.back()}).value();
      ASSERT_EQ(one.size(), 1U) << set_name(set, family);
      EXPECT_EQ(one.front().element, some.back());
      ASSERT_OK(host::change_elements(kernel_, {some.front()}, {}));
      auto left = host::find_counted(kernel_, some).value();
      std::vector<Element> found;
      for (const auto& counted : left) found.push_back(counted.element);
      std::ranges::sort(found);
      EXPECT_EQ(found, std::vector(some.begin() + 1, some.end())) << "what has gone hides nothing after it";
      ASSERT_OK(host::change_elements(kernel_, found, {}));
    }
}

TEST_F(Elements, OfOthersUnderTheKeyAreNotFound) {
  for (const auto set : {SetId::forwards, SetId::ranges}) {
    auto wanted = some_elements(set, Family::v4)[0];
    auto stands = wanted;
    stands.to = ip("100.64.0.99");
    ASSERT_OK(host::change_elements(kernel_, {}, {stands}));
    EXPECT_TRUE(host::find_counted(kernel_, {wanted})->empty()) << "the port leads elsewhere";
    EXPECT_EQ(host::find_counted(kernel_, {stands})->size(), 1U);
  }
}

TEST_F(Elements, RefusalsAreFoundByInterface) {
  ASSERT_OK(
      runner_->run("add element inet warren spoofed { \"veth_a_o\" counter packets 7 bytes 9, "
                   "\"veth_b_o\" counter packets 8 bytes 9 }"));
  const auto found = host::find_refused(kernel_, "spoofed", {ifname("veth_b_o"), ifname("veth_c_o")}).value();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].interface, "veth_b_o");
  EXPECT_EQ(found[0].packets, 8U);
  ASSERT_OK(runner_->run(remove_text()));
  EXPECT_TRUE(host::find_refused(kernel_, "spoofed", {ifname("veth_b_o")})->empty()) << "no table";
}

TEST_F(Elements, AReplacementInOneTransaction) {
  auto before = some_elements(SetId::forwards, Family::v4)[0];
  ASSERT_OK(host::change_elements(kernel_, {}, {before}));
  auto after = before;
  after.to_port = 81;
  ASSERT_OK(host::change_elements(kernel_, {before}, {after}));
  EXPECT_EQ(read(), std::vector{after});
}

TEST_F(Elements, AllOrNothingAndTheErrorSaysWhich) {
  const auto stands = some_elements(SetId::forwards, Family::v4)[0];
  ASSERT_OK(host::change_elements(kernel_, {}, {stands}));
  auto other = stands, clash = stands;
  other.ports = {60001, 60001};
  clash.to_port = 81;
  const auto taken = host::change_elements(kernel_, {}, {other, clash});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, Code::exists) << "the port leads elsewhere already";
  EXPECT_EQ(read(), std::vector{stands}) << "the first of the two is not in either";
  const auto gone = host::change_elements(kernel_, {stands, other}, {});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, Code::not_found);
  EXPECT_EQ(read(), std::vector{stands});
  ASSERT_OK(host::change_elements(kernel_, {}, {stands})) << "what stands may be added again";
  ASSERT_OK(runner_->run(remove_text()));
  EXPECT_EQ(host::change_elements(kernel_, {}, {stands}).error().code, Code::not_found) << "no table";
}

TEST_F(Elements, ManyAtOnce) {
  std::vector<Element> many;
  auto one = some_elements(SetId::forwards, Family::v4)[0];
  for (unsigned port = 1; port <= 20000; ++port) {
    one.ports = {static_cast<Port>(port), static_cast<Port>(port)};
    many.push_back(one);
  }
  ASSERT_OK(host::change_elements(kernel_, {}, many));
  EXPECT_EQ(read(), many);
}

TEST_F(Elements, WithoutATableThereAreNone) {
  ASSERT_OK(runner_->run(remove_text()));
  EXPECT_TRUE(read().empty());
}

}  // namespace
}  // namespace warren::nft
