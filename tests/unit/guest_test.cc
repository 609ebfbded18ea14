// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "guest/cgroup.h"
#include "guest/request.h"
#include "guest/subids.h"

namespace warren::guest {
namespace {

TEST(Bind, Parses) {
  EXPECT_EQ(*Bind::parse("/a:/b"), (Bind{"/a", "/b", false}));
  EXPECT_EQ(*Bind::parse("/a b:/b/c:ro"), (Bind{"/a b", "/b/c", true}));
}

TEST(Bind, RefusesWithTheReason) {
  for (const auto& [text, why] : {std::pair("", "says not where to"), std::pair("/a", "says not where to"),
                                  std::pair("/a:", "begin with '/'"), std::pair(":/b", "begin with '/'"),
                                  std::pair("a:/b", "begin with '/'"), std::pair("/a:b", "begin with '/'"),
                                  std::pair("/a:/b:", "only 'ro'"), std::pair("/a:/b:rw", "only 'ro'"),
                                  std::pair("/a:/b:ro:ro", "only 'ro'"), std::pair("/a:/", "--rootfs"),
                                  std::pair("/a://", "--rootfs")}) {
    const auto bind = Bind::parse(text);
    ASSERT_FALSE(bind) << text;
    EXPECT_EQ(bind.error().code, Code::usage);
    EXPECT_NE(bind.error().what.find(why), std::string::npos) << bind.error().what;
  }
}

TEST(UnifiedCgroup, IsTheLineThatBeginsSo) {
  EXPECT_EQ(unified_cgroup("0::/user.slice\n"), "/user.slice");
  EXPECT_EQ(unified_cgroup("12:cpu:/a\n10::/b\n1:name=systemd:/c0::/d\n0::/e"), "/e")
      << "a hierarchy whose number ends in 0, and one whose name holds the same";
  EXPECT_EQ(unified_cgroup("10::/b\n1:name=x:/0::/y\n"), std::nullopt);
  EXPECT_EQ(unified_cgroup(""), std::nullopt);
}

TEST(Hostname, IsChecked) {
  for (const auto* name : {"a", "web-1.example.com", "under_score"})
    EXPECT_TRUE(check_hostname(name)) << name;
  EXPECT_TRUE(check_hostname(std::string(64, 'x')));
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a\nb"),
                                  std::string("\xc3\xa4"), std::string(65, 'x')})
    EXPECT_FALSE(check_hostname(name)) << name;
}

TEST(Granted, TakesTheLinesOfTheUser) {
  const auto* text = "bob:1:2\nalice:100000:65536\n# alice:1:1\n1000:300000:10\nalice:500000:5\n";
  EXPECT_EQ(granted(text, "alice", 1000),
            (std::vector<IdRun>{{0, 100000, 65536}, {65536, 300000, 10}, {65546, 500000, 5}}));
  EXPECT_EQ(granted(text, "carol", 7), std::vector<IdRun>{});
}

TEST(Granted, PassesOverWhatMakesNoSense) {
  EXPECT_EQ(granted("alice\nalice:\nalice:1\nalice:x:1\nalice:1:x\nalice:1:0\nalice:1:2:3\nalice:-1:2\n"
                    "alice:4294967295:2\nalice:99999999999:1\n::\n\nalice:7:1",
                    "alice", 1000),
            (std::vector<IdRun>{{0, 7, 1}}));
}

}  // namespace
}  // namespace warren::guest
