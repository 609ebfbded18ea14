// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "model/id_map.h"
#include "model/subid.h"

namespace warren::model {
namespace {

constexpr std::uint32_t kSize = 524288;
const IdRange kBlock{1048576, kSize};

OwnerName owner(std::string_view text) { return OwnerName::parse(text).value(); }

std::vector<IdEntry> entries(std::initializer_list<std::string_view> texts) {
  std::vector<IdEntry> all;
  for (const auto text : texts) all.push_back(IdEntry::parse(text).value());
  return all;
}

std::string fault(const std::vector<IdEntry>& all) {
  const auto good = check(all, IdKind::uid, kSize);
  return good ? "" : good.error().what;
}

TEST(IdEntry, RoundTrip) {
  for (const auto* text : {"0:0:65536", "5000000:100000:200000", "4294967294:0:1", "0:4294967294:1"})
    EXPECT_EQ(IdEntry::parse(text).value().str(), text);
  for (const auto* text :
       {"", ":", "::", "0:0", "0:0:0", "0:0:1:1", " 0:0:1", "0:0:1 ", "+1:0:1", "-1:0:1", "0x1:0:1",
        "4294967295:0:1", "0:4294967295:1", "4294967294:0:2", "0:0:4294967296", "1e3:0:1"})
    EXPECT_FALSE(IdEntry::parse(text)) << text;
}

TEST(IdEntry, AllOfThirtyTwoBits) {
  const auto all = IdEntry::parse("0:0:4294967295");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->inner().last(), kLastId);
}

TEST(IdMap, Good) {
  EXPECT_EQ(fault(entries({"0:0:65536"})), "");
  EXPECT_EQ(fault(entries({"0:0:524288"})), "");
  EXPECT_EQ(fault(entries({"0:0:65536", "5000000:100000:200000"})), "");
  EXPECT_EQ(fault(entries({"60000:100000:5536", "0:0:60000"})), "");  // in any order, in parts
  EXPECT_EQ(fault(entries({"0:458752:65536"})), "");
  EXPECT_EQ(fault(entries({"0:0:65536", "4294967294:65536:1"})), "");
}

TEST(IdMap, TenEntries) {
  auto all = entries({"0:0:65536"});
  for (std::uint32_t i = 0; i < 9; ++i) all.push_back({100000 + i, 100000 + i, 1});
  EXPECT_EQ(fault(all), "");
  all.push_back({200000, 200000, 1});
  EXPECT_EQ(fault(all), "11 --uid entries: at most 10 are possible; the first too many is 200000:200000:1");
}

TEST(IdMap, HolesAreNamed) {
  EXPECT_EQ(fault(entries({"1:1:65536"})),
            "0-65535 inside must be mapped, and 0-0 is not: add an entry --uid 0:BLOCK:1");
  EXPECT_EQ(fault(entries({"0:0:65535"})),
            "0-65535 inside must be mapped, and 65535-65535 (after --uid 0:0:65535) "
            "is not: add an entry --uid 65535:BLOCK:1");
}

TEST(IdMap, TranslatesItsBounds) {
  const auto all = entries({"0:0:65536", "5000000:100000:200000"});
  const auto host = [&](std::uint32_t id) { return to_host(all, kBlock, id); };
  const auto inside = [&](std::uint32_t id) { return to_inside(all, kBlock, id); };
  EXPECT_EQ(host(0)->id, 1048576U);
  EXPECT_EQ(host(65535)->id, 1114111U);
  EXPECT_FALSE(host(65536));
  EXPECT_FALSE(host(4999999));
  EXPECT_EQ(host(5000000)->id, 1148576U);
  EXPECT_EQ(host(5199999)->id, 1348575U);
  EXPECT_FALSE(host(5200000));
  EXPECT_FALSE(inside(1048575));
  EXPECT_EQ(inside(1048576)->id, 0U);
  EXPECT_FALSE(inside(1114112));
  EXPECT_EQ(inside(1348575)->id, 5199999U);
  EXPECT_FALSE(inside(1348576));
  EXPECT_EQ(total(all), 265536U);
}

TEST(IdMap, DefaultAndSplit) {
  const auto all = runs(default_map(owner("alice"), kBlock), kBlock);
  EXPECT_EQ(all.uid, (std::vector<IdRun>{{0, 1048576, kSize}}));
  EXPECT_EQ(all.gid, all.uid);
  const auto maps = split(owner("alice"), kBlock).value();
  ASSERT_EQ(maps.size(), 8U);
  std::uint32_t next = kBlock.first;
  for (const auto& map : maps) {
    EXPECT_TRUE(check(map, kSize));
    const auto run = runs(map, kBlock).gid.front();
    EXPECT_EQ(run.outside, next);
    next += run.count;
  }
  EXPECT_EQ(next, kBlock.last() + 1);
  EXPECT_EQ(maps.back().name.str(), "alice.8");
}

TEST(IdBlock, Settings) {
  EXPECT_TRUE(check(IdSettings{}));
  EXPECT_EQ(room_for_blocks(IdSettings{}), IdSettings{}.count);
  EXPECT_EQ(IdSettings{}.block(IdSettings{}.count - 1).last(), 1879048191U);
  EXPECT_TRUE(check({65536, 65536, 1}));
  EXPECT_FALSE(check({65535, 65536, 1}));
  EXPECT_FALSE(check({1048576, 65535, 1}));
  EXPECT_FALSE(check({1048576, 524288, 0}));
  EXPECT_TRUE(check({1048576, 524288, 8189}));
  EXPECT_FALSE(check({1048576, 524288, 8190}));  // its last ID would be (uid_t)-1
}

TEST(IdBlock, LowestThatNobodyUses) {
  const IdSettings settings;
  EXPECT_EQ(free_block(settings, {}, {})->first, 1048576U);
  const std::vector<IdUse> touch{{{1572863, 1}, "the user carol"}};
  EXPECT_EQ(free_block(settings, {}, touch)->first, 1572864U);
  const std::vector<IdBlock> blocks{{{1572864, kSize}, owner("bob"), true, 1}};
  EXPECT_EQ(free_block(settings, blocks, touch)->first, 2097152U);
  const auto none = free_block({1048576, kSize, 2}, blocks, touch);
  EXPECT_EQ(none.error().what,
            "all 2 blocks of 524,288 IDs from 1,048,576 on are taken, the last by the block that bob had: "
            "`warren id "
            "purge bob` when no file carries its IDs any more: raise `count` under [ids], or `warren id "
            "purge` what "
            "was freed");
}

TEST(IdBlock, RefusalNamesTheOther) {
  const std::vector<IdUse> uses{{{1100000, 65536}, "alice in /etc/subuid"}};
  EXPECT_EQ(check_free(kBlock, {}, uses).error().what,
            "1,048,576-1,572,863 overlaps 1,100,000-1,165,535: alice in /etc/subuid");
  EXPECT_TRUE(check_free({1165536, 65536}, {}, uses));
  EXPECT_TRUE(check_free({1034464, 65536}, {}, uses));
}

TEST(Subid, KeepsWhatIsNotOurs) {
  const std::string text = "# by hand\nalice:100000:65536\nbroken\nbob:165536:x";
  const std::vector<IdBlock> blocks{{kBlock, owner("web1"), false, 0},
                                    {{1572864, kSize}, owner("old"), true, 0}};
  const auto file = SubidFile::parse(text, blocks);
  EXPECT_FALSE(file.marked);
  EXPECT_EQ(file.with(std::nullopt), text);
  const auto lines = subid_lines(blocks);
  EXPECT_EQ(lines, (std::vector<std::string>{"warren.freed:1572864:524288", "web1:1048576:524288"}));
  const auto again = SubidFile::parse(file.with(lines) + "carol:231072:65536\n", blocks);
  EXPECT_TRUE(again.marked);
  EXPECT_EQ(again.lines, lines);
  EXPECT_EQ(again.with(std::nullopt), text + "\ncarol:231072:65536\n");
}

TEST(Subid, InWhateverOrder) {
  const std::vector<IdBlock> blocks{{kBlock, owner("web1"), false, 0},
                                    {{1572864, kSize}, owner("old"), true, 0}};
  const auto file = SubidFile::parse(
      "web1:1048576:524288\n# END warren\nold:1572864:524288\na:1:1\n# BEGIN warren\nweb1:1048576:5\n",
      blocks);
  EXPECT_EQ(file.lines, (std::vector<std::string>{"old:1572864:524288", "web1:1048576:524288"}));
  EXPECT_EQ(file.with(std::nullopt), "a:1:1\nweb1:1048576:5\n");  // not of his block: somebody else's
  EXPECT_EQ(SubidFile::parse("warren.freed:7:7\n", {}).with(std::nullopt), "");
}

TEST(Subid, UsesOfOthers) {
  const std::vector<IdBlock> blocks{{kBlock, owner("web1"), false, 0}};
  const auto file = SubidFile::parse(
      "alice:100000:65536\n#x:1:1\n:5:5\nbob:0:4294967295\nbad:1:-1\nzero:1:0\n"
      "# BEGIN warren\nweb1:1048576:524288\n# END warren\n1000:4294967290:10",
      blocks);
  const auto uses = file.uses("/etc/subuid");
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0], (IdUse{{100000, 65536}, "alice in /etc/subuid"}));
  EXPECT_EQ(uses[1], (IdUse{{4294967290, 5}, "1000 in /etc/subuid"}));
}

}  // namespace
}  // namespace warren::model
