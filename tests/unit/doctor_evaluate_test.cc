// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

#include "doctor/evaluate.h"

namespace warren::doctor {
namespace {

Packet out4() {
  Packet packet;
  packet.iif = "veth_web_o";
  packet.oif = "eth0";
  packet.iif_group = 30561;
  packet.src = *Ip::parse("100.64.0.2");
  packet.dst = *Ip::parse("1.1.1.1");
  packet.sport = 50000;
  packet.dport = 443;
  return packet;
}

Packet out6() {
  auto packet = out4();
  packet.family = Family::v6;
  packet.src = *Ip::parse("fd00:0:0:2::2");
  packet.dst = *Ip::parse("2001:db8::1");
  return packet;
}

/// Rules are given as "CHAIN STATEMENTS", sets as they are.
std::string table(std::initializer_list<std::pair<const char*, std::string>> rules,
                  const std::string& sets = "") {
  std::string text = R"({"nftables":[{"metainfo":{"version":"1.0.6"}},{"chain":{"name":"forward"}})";
  if (!sets.empty()) text += "," + sets;
  for (const auto& [chain, statements] : rules)
    text += fmt::format(R"(,{{"rule":{{"chain":"{}","handle":1,"expr":[{}]}}}})", chain, statements);
  return text + "]}";
}

std::optional<Drop> ask(const std::string& json, bool policy_drop, const Packet& packet = out4(),
                        Hook hook = Hook::forward) {
  return evaluate(Ruleset::parse(json), {"forward", hook, policy_drop}, packet);
}

std::string match(std::string_view left, std::string_view op, std::string_view right) {
  return fmt::format(R"({{"match":{{"op":"{}","left":{},"right":{}}}}})", op, left, right);
}
std::string meta(std::string_view key) { return fmt::format(R"({{"meta":{{"key":"{}"}}}})", key); }
std::string payload(std::string_view protocol, std::string_view field) {
  return fmt::format(R"({{"payload":{{"protocol":"{}","field":"{}"}}}})", protocol, field);
}
std::string ct(std::string_view key) { return fmt::format(R"({{"ct":{{"key":"{}"}}}})", key); }

/// "yes", "no" or "maybe": does a rule with this condition hold for the packet?
std::string holds(const std::string& condition, const Packet& packet = out4(), const std::string& sets = "",
                  Hook hook = Hook::forward) {
  const auto drop = ask(table({{"forward", condition + R"(,{"drop":null})"}}, sets), false, packet, hook);
  return !drop ? "no" : drop->certain ? "yes" : "maybe";
}

TEST(Evaluate, PolicyAloneDecidesAnEmptyChain) {
  EXPECT_FALSE(ask(table({}), false));
  const auto drop = ask(table({}), true);
  ASSERT_TRUE(drop);
  EXPECT_EQ(drop->rule, "policy drop");
  EXPECT_TRUE(drop->certain);
  EXPECT_EQ(drop->path, std::vector<std::string>{"forward"});
}

TEST(Evaluate, Conditions) {
  struct Case {
    std::string condition;
    const char* expected;
  };
  const Case cases[] = {
      {match(meta("iifname"), "==", R"("veth_*")"), "yes"},
      {match(meta("iifname"), "==", R"("eth*")"), "no"},
      {match(meta("iifname"), "!=", R"("lo")"), "yes"},
      {match(meta("oif"), "==", R"("eth0")"), "yes"},
      {match(meta("oif"), "==", "3"), "maybe"},
      {match(meta("oifname"), "==", R"({"set":["lo","eth0"]})"), "yes"},
      {match(meta("iifgroup"), "==", "30561"), "yes"},
      {match(meta("iifgroup"), "!=", R"({"set":[{"range":[1,4]}]})"), "yes"},
      {match(meta("nfproto"), "==", "2"), "yes"},
      {match(meta("nfproto"), "==", R"("ipv6")"), "no"},
      {match(meta("l4proto"), "==", R"({"set":["udp","tcp"]})"), "yes"},
      {match(meta("mark"), "==", "1"), "maybe"},
      {match(meta("something new"), "!=", "1"), "maybe"},
      {match(payload("ip", "saddr"), "==", R"({"prefix":{"addr":"100.64.0.0","len":16}})"), "yes"},
      {match(payload("ip", "saddr"), "==", R"({"range":["100.64.0.3","100.64.0.9"]})"), "no"},
      {match(payload("ip", "daddr"), "!=", R"({"set":["1.1.1.1","8.8.8.8"]})"), "no"},
      {match(payload("ip6", "daddr"), "!=", R"("fd00::1")"), "no"},  // not even the opposite holds
      {match(payload("tcp", "dport"), "==", "443"), "yes"},
      {match(payload("tcp", "dport"), ">=", "1024"), "no"},
      {match(payload("udp", "dport"), "!=", "53"), "no"},
      {match(payload("th", "sport"), "==", R"({"range":[1024,65535]})"), "yes"},
      {match(payload("tcp", "option"), "==", "1"), "maybe"},
      {match(ct("state"), "in", R"(["established","related"])"), "no"},
      {match(ct("state"), "in", "[2,8]"), "yes"},
      {match(ct("state"), "==", R"({"set":[2,4]})"), "no"},
      {match(ct("state"), "!=", "8"), "no"},
      {match(ct("state"), "!", "8"), "no"},
      {match(ct("status"), "in", "32"), "no"},
      {match(ct("status"), "in", "16"), "maybe"},
      {match(ct("direction"), "==", "0"), "yes"},
      {match(ct("mark"), "==", "1"), "maybe"},
      {match(R"({"&":[{"payload":{"protocol":"tcp","field":"flags"}},[1,2,4]]})", "!=", "2"), "no"},
      {match(R"({"fib":{"result":"type","flags":["daddr"]}})", "==", "2"), "no"},
      {match(R"({"fib":{"result":"oif","flags":["saddr","iif"]}})", "==", "false"), "no"},
      {match(R"({"concat":[{"meta":{"key":"l4proto"}},{"payload":{"protocol":"th","field":"dport"}}]})",
             "==", R"({"set":[{"concat":[17,53]},{"concat":[6,{"range":[400,500]}]}]})"),
       "yes"},
      {R"({"limit":{"rate":10,"burst":5,"per":"second"}})", "yes"},
      {R"({"limit":{"rate":10,"burst":5,"per":"second","inv":true}})", "no"},
      {R"({"ct count":{"val":10,"inv":true}})", "no"},
      {R"({"xt":null})", "maybe"},
      {R"({"xt":{"type":"match","name":"recent"}})", "maybe"},
      {R"({"xt":{"type":"match","name":"comment"}})", "yes"},
      {R"({"xt":{"type":"match","name":"rt"}})", "no"},
      {match(R"({"exthdr":{"name":"rt","field":"type"}})", "==", "0"), "no"},
      {match(R"({"exthdr":{"name":"frag"}})", "==", "false"), "yes"},
      {R"({"counter":null},{"log":null})", "yes"},
      {R"({"quota":{"val":1}})", "maybe"},
      {R"({"statement of tomorrow":[]})", "maybe"},
      {R"(7)", "maybe"},
      {R"({"match":{"left":7}})", "maybe"},
  };
  for (const auto& [condition, expected] : cases) EXPECT_EQ(holds(condition), expected) << condition;
}

TEST(Evaluate, NamedSets) {
  const std::string sets =
      R"({"set":{"name":"nets","elem":[{"prefix":{"addr":"1.1.0.0","len":16}}]}},)"
      R"({"set":{"name":"timed","elem":[{"elem":{"val":"1.1.1.1","timeout":60}}]}},{"set":{"name":"none"}})";
  const auto daddr = payload("ip", "daddr");
  EXPECT_EQ(holds(match(daddr, "==", R"("@nets")"), out4(), sets), "yes");
  EXPECT_EQ(holds(match(daddr, "!=", R"("@nets")"), out4(), sets), "no");
  EXPECT_EQ(holds(match(daddr, "==", R"("@timed")"), out4(), sets), "yes");
  EXPECT_EQ(holds(match(daddr, "==", R"("@none")"), out4(), sets), "no");
  EXPECT_EQ(holds(match(daddr, "==", R"("@elsewhere")"), out4(), sets), "maybe");
  EXPECT_EQ(holds(match(daddr, "==", R"("@nets")"), out6(), sets), "no");
}

TEST(Evaluate, AnswersAreEstablishedAndLocalIsWhatComesIn) {
  auto reply = out4();
  reply.reply = true;
  EXPECT_EQ(holds(match(ct("state"), "in", "[2,4]"), reply), "yes");
  EXPECT_EQ(holds(match(ct("direction"), "==", R"("reply")"), reply), "yes");
  auto forwarded = out4();
  forwarded.dnat = true;
  EXPECT_EQ(holds(match(ct("status"), "in", R"("dnat")"), forwarded), "yes");
  const auto local = match(R"({"fib":{"result":"type","flags":["daddr"]}})", "==", "2");
  EXPECT_EQ(holds(local, out4(), "", Hook::input), "yes");
  EXPECT_EQ(holds(local, out4(), "", Hook::prerouting), "maybe");
}

TEST(Evaluate, WhatCannotBeReadIsNeitherBelievedNorCertain) {
  const std::string unknown = R"({"xt":null})";
  const auto accepted = ask(table({{"forward", unknown + R"(,{"accept":null})"}}), true);
  ASSERT_TRUE(accepted);
  EXPECT_TRUE(accepted->certain);
  EXPECT_EQ(accepted->unless, "xt ? accept");
  const auto dropped = ask(table({{"forward", unknown + R"(,{"drop":null})"}}), false);
  ASSERT_TRUE(dropped);
  EXPECT_FALSE(dropped->certain);
  // After a return that may have happened, nothing in that chain is certain; in the calling chain it is
  // again.
  const auto left = table({{"forward", R"({"jump":{"target":"sub"}})"},
                           {"sub", unknown + R"(,{"return":null})"},
                           {"sub", R"({"drop":null})"}});
  EXPECT_FALSE(ask(left, false)->certain);
  EXPECT_EQ(ask(left, true)->rule, "policy drop");
}

TEST(Evaluate, JumpsAndGotos) {
  const auto jump = [](const char* kind) {
    return table({{"forward", fmt::format(R"({{"{}":{{"target":"sub"}}}})", kind)},
                  {"forward", R"({"accept":null})"},
                  {"sub", match(meta("iifname"), "==", R"("lo")") + R"(,{"drop":null})"}});
  };
  EXPECT_FALSE(ask(jump("jump"), true));
  EXPECT_EQ(ask(jump("goto"), true)->rule, "policy drop");  // does not come back
  const auto deep = ask(table({{"forward", R"({"jump":{"target":"a"}})"},
                               {"a", R"({"jump":{"target":"b"}})"},
                               {"b", match(payload("tcp", "dport"), "==", "443") + R"(,{"reject":null})"}}),
                        false);
  ASSERT_TRUE(deep);
  EXPECT_EQ(deep->path, (std::vector<std::string>{"forward", "a", "b"}));
  EXPECT_EQ(deep->rule, "tcp dport 443 reject");
}

TEST(Evaluate, VerdictMaps) {
  const auto vmap = [](std::string_view key, std::string_view entries) {
    return table(
        {{"forward", fmt::format(R"({{"vmap":{{"key":{},"data":{{"set":[{}]}}}}}})", key, entries)}});
  };
  const auto port = payload("tcp", "dport");
  EXPECT_FALSE(ask(vmap(port, R"([22,{"drop":null}],[443,{"accept":null}])"), true));
  EXPECT_TRUE(ask(vmap(port, R"([22,{"accept":null}],["*",{"drop":null}])"), false));
  EXPECT_FALSE(ask(vmap(ct("state"), R"([2,{"accept":null}],[8,{"accept":null}])"), true));
  const auto maybe = ask(vmap(meta("mark"), R"([1,{"drop":null}])"), false);
  ASSERT_TRUE(maybe);
  EXPECT_FALSE(maybe->certain);
}

TEST(Evaluate, NeverEndingChainsEnd) {
  const std::string both = R"({"xt":null},{"jump":{"target":"forward"}})";
  EXPECT_TRUE(ask(table({{"forward", both}, {"forward", both}, {"forward", both}}), true));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"set":[)";
  EXPECT_FALSE(ask(deep, false));
}

TEST(Evaluate, NotJsonAtAll) {
  for (const auto* text :
       {"", "{", "[]", "null", "{\"nftables\":7}", "{\"nftables\":[7,{\"rule\":[]},{\"chain\":{}}]}"}) {
    EXPECT_FALSE(ask(text, false)) << text;
    EXPECT_TRUE(ask(text, true)) << text;
  }
  EXPECT_FALSE(ask("{", true)->certain);
}

TEST(Evaluate, NamesOfOthersReachNoTerminal) {
  const auto drop = ask(
      table({{"forward", match(meta("iifname"), "!=", R"("\u001b[31m\n")") + R"(,{"drop":null})"}}), false);
  ASSERT_TRUE(drop);
  EXPECT_EQ(drop->rule, "iifname != ?[31m? drop");
}

}  // namespace
}  // namespace warren::doctor
