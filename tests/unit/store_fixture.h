// SPDX-License-Identifier: GPL-2.0-or-later
// What the tests of the store share: short ways to write values, and a store in a directory of its own.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <string>
#include <sys/mount.h>

#include "store/spaces.h"
#include "store/store.h"

namespace warren::store {

using model::Forward;
using model::Space;
using model::State;
namespace fs = std::filesystem;

inline Ip ip(std::string_view text) { return Ip::parse(text).value(); }
inline SpaceName name(std::string_view text) { return SpaceName::parse(text).value(); }
inline Ip derived4(SpaceNumber number) { return Ip::v4(0x64400000U + number); }
inline std::optional<Ip> derived6(SpaceNumber number) { return ip(fmt::format("fd00:0:0:{:x}::2", number)); }
inline Spaces::AddressesOf derived() {
  return [](SpaceNumber number) { return std::pair(derived4(number), derived6(number)); };
}

inline Forward forward(Proto proto, Port first, Port last = 0, std::string_view host = "") {
  Forward out{proto, {}, {first, last ? last : first}, first};
  if (!host.empty()) out.host = ip(host);
  return out;
}
inline Forward tcp(Port first, Port last = 0, std::string_view host = "") {
  return forward(Proto::tcp, first, last, host);
}
inline Forward udp(Port first, Port last = 0, std::string_view host = "") {
  return forward(Proto::udp, first, last, host);
}

inline Space space(SpaceNumber number, std::string_view called, std::vector<Forward> forwards = {}) {
  Space out;
  out.number = number;
  out.name = name(called);
  out.forwards = std::move(forwards);
  return out;
}

inline Status insert(Store& store, const Space& one) {
  return store.spaces().insert(one, one.ip4.value_or(derived4(one.number)),
                               one.ip6 ? one.ip6 : derived6(one.number));
}

/// The message of a failure, which must be one line.
template <class T>
std::string reason(const Result<T>& result) {
  if (result) return "(no error)";
  EXPECT_EQ(result.error().what.find('\n'), std::string::npos) << result.error().what;
  return result.error().what;
}

template <class T>
Code code(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Code::failed : result.error().code;
}

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "warren-store-XXXXXX";
    dir_ = ::mkdtemp(pattern.data());
    path_ = dir_ + "/lib/warren.db";
  }
  void TearDown() override {
    ::umount2(dir_.c_str(), MNT_DETACH);
    fs::remove_all(dir_);
  }

  Store open() { return Store::open(path_).value(); }

  /// Something done to the file behind the store's back.
  void raw(const std::string& sql) const {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
    sqlite3_close(db);  // not ours, so it folds the log into the file
  }

  std::string dir_;
  std::string path_;
};

}  // namespace warren::store
