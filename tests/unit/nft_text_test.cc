// SPDX-License-Identifier: GPL-2.0-or-later
// The text that nft is given, against golden files: a change of a rule shows as a change of these.
// WARREN_UPDATE_GOLDEN=1 writes them anew.
#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "nft/inner.h"
#include "rules_fixture.h"

namespace warren::nft {
namespace {

void expect_golden(const std::string& name, const std::string& text) {
  const auto path = fmt::format("{}/{}.nft", WARREN_GOLDEN, name);
  if (std::getenv("WARREN_UPDATE_GOLDEN")) std::ofstream(path) << text;
  std::ifstream file(path);
  const std::string kept{std::istreambuf_iterator<char>(file), {}};
  const auto [ours, golden] = std::ranges::mismatch(text, kept);
  EXPECT_TRUE(text == kept) << path << " differs at: " << std::string(ours, text.end()).substr(0, 200)
                            << "\nWARREN_UPDATE_GOLDEN=1 warren_unit writes it anew";
}

TEST(TableText, IsGolden) {
  for (const auto& [name, rules] : variants()) expect_golden(name, table_text(rules));
}

TEST(TableText, SpacesNeverAddARule) {
  auto rules = plain_rules();
  const auto before = table_text(rules);
  EXPECT_EQ(table_text(rules), before);
  rules.conntrack_per_space = 0;
  EXPECT_LT(table_text(rules).size(), before.size());
}

TEST(TableText, ConfinementIsOneRule) {
  auto rules = plain_rules();
  const auto before = table_text(rules);
  EXPECT_EQ(before.find("skuid"), before.npos);
  rules.confine = true;
  const auto after = table_text(rules);
  EXPECT_EQ(std::count(after.begin(), after.end(), '\n'), std::count(before.begin(), before.end(), '\n') + 5);
  EXPECT_NE(after.find("meta skuid @confined "), after.npos);
}

const auto kLink = *IfName::parse("veth_web1");
const auto kAddress = *Ip::parse("100.64.0.2");

TEST(InnerText, IsGolden) {
  const std::vector<InnerService> services{{Proto::tcp, 3306, *Ip::parse("100.64.0.1"), 3306},
                                           {Proto::udp, 53, *Ip::parse("192.0.2.53"), 5353}};
  expect_golden("inner", inner_text(kLink, kAddress, services));
}

TEST(InnerText, WithoutServicesItOnlyTakesAway) { EXPECT_EQ(inner_text(kLink, kAddress, {}), remove_text()); }

TEST(ElementText, IsGolden) {
  std::vector<Element> all;
  for (const auto set : kAllSets)
    for (const auto family : families(set))
      for (const auto& element : some_elements(set, family)) all.push_back(element);
  expect_golden("elements", add_text(all));
}

TEST(ElementText, NoElementsNoText) { EXPECT_EQ(add_text({}), ""); }

TEST(ElementText, IsOneStatementASet) {
  std::vector<Element> many(1000, some_elements(SetId::forwards, Family::v4)[0]);
  const auto text = add_text(many);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST(SetName, IsToldByFamily) {
  EXPECT_EQ(set_name(SetId::sources, Family::v4), "sources4");
  EXPECT_EQ(set_name(SetId::ranges_at, Family::v6), "ranges_at6");
  EXPECT_EQ(set_name(SetId::services, Family::v4), "services") << "but for those that stand once";
  EXPECT_EQ(set_name(SetId::confined, Family::v4), "confined");
}

}  // namespace
}  // namespace warren::nft
