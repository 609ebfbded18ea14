// SPDX-License-Identifier: GPL-2.0-or-later
// Users and groups: that somebody is not there, and that it could not be found out, are two things.
#include "sys/user.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nss.h>
#include <string>
#include <sys/resource.h>

namespace warren::sys {
namespace {

/// While it lives nothing can be opened, so no list of users can be read.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{0, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_{};
};

template <class T>
void expect_unknowable(const Result<T>& result, const std::string& what) {
  ASSERT_FALSE(result) << what;
  EXPECT_EQ(result.error().code, Code::failed) << result.error().what;
  EXPECT_NE(result.error().what.find(what), std::string::npos) << result.error().what;
  EXPECT_NE(result.error().what.find("nsswitch.conf"), std::string::npos) << result.error().what;
}

TEST(Users, AreFoundByNameAndNumber) {
  EXPECT_EQ(find_user("root")->uid, 0U);
  EXPECT_EQ(find_user("0")->name, "root");
  EXPECT_EQ(*uid_of(*UserName::parse("root")), 0U);
  EXPECT_EQ(user_name(0), "root");
  const auto members = members_of_group(*UserName::parse("root"));
  ASSERT_TRUE(members) << members.error().what;
  EXPECT_EQ(members->front(), 0U) << "whose primary group it is";
  EXPECT_EQ(groups_of(*UserName::parse("root"))->front().str(), "root");
}

TEST(Users, WhoAreNotThere) {
  const auto found = find_user("nobody-of-that-name");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::usage);
  EXPECT_EQ(find_user("4000000000").error().code, Code::usage);
  const auto uid = uid_of(*UserName::parse("nobody-of-that-name"));
  ASSERT_TRUE(uid) << uid.error().what;
  EXPECT_EQ(*uid, std::nullopt);
  EXPECT_EQ(user_name(4000000000), "4000000000");
  const auto members = members_of_group(*UserName::parse("no-group"));
  ASSERT_TRUE(members) << members.error().what;
  EXPECT_TRUE(members->empty());
}

// The files alone: a service that comes after them and knows no such name would hide that they failed.
TEST(Users, WhoCannotBeLookedUpAreNotSaidToBeMissing) {
  ASSERT_EQ(::__nss_configure_lookup("passwd", "files"), 0);
  ASSERT_EQ(::__nss_configure_lookup("group", "files"), 0);
  const auto daemon = *UserName::parse("daemon");
  const auto uid = *uid_of(daemon);
  ASSERT_TRUE(uid);
  const NoDescriptors none;
  expect_unknowable(find_user("daemon"), "look up user 'daemon'");
  expect_unknowable(uid_of(daemon), "look up user 'daemon'");
  expect_unknowable(user_with(*uid), fmt::format("look up user {}", *uid));
  expect_unknowable(groups_of(daemon), "look up user 'daemon'");
  expect_unknowable(members_of_group(daemon), "look up group 'daemon'");
  EXPECT_EQ(user_name(*uid), std::to_string(*uid)) << "to be shown it is enough";
}

TEST(Users, AreAllListed) {
  const auto all = accounts();
  ASSERT_TRUE(all) << all.error().what;
  const auto is_listed = [&](bool group) {
    return std::ranges::any_of(
        *all, [&](const Account& one) { return one.group == group && one.name == "daemon"; });
  };
  EXPECT_TRUE(is_listed(false));
  EXPECT_TRUE(is_listed(true));
}

}  // namespace
}  // namespace warren::sys
