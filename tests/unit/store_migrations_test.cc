// SPDX-License-Identifier: GPL-2.0-or-later
// Stores that earlier builds of warren made, and what a copy of the file is worth.
#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/devices.h"
#include "store/forwards.h"
#include "store/ids.h"
#include "store/members.h"
#include "store/meta.h"
#include "store/services.h"
#include "store/spaces.h"
#include "store_fixture.h"

namespace warren::store {
namespace {

/// In the data of version 1 a space was known by its number.
using Rows = std::multiset<std::string>;
const std::map<std::string, std::string> kTables{
    {"meta", "SELECT key, value FROM meta WHERE key <> 'revision'"},
    {"space",
     "SELECT number, name, hex(ip4), hex(ip6), ip4_given, ip6_given, nat, adopted, state, uplink FROM space"},
    {"forward",
     "SELECT number, proto, hex(host), first, last, to_port FROM forward JOIN space ON KEY = space"},
    {"member", "SELECT member.kind, member.name, number FROM member JOIN space ON KEY = space"},
    {"service", "SELECT * FROM service"},
    {"service_space", "SELECT * FROM service_space"},
    {"id_block", "SELECT * FROM id_block"},
    {"id_map", "SELECT * FROM id_map"},
    {"id_map_entry", "SELECT * FROM id_map_entry"},
    {"space_map", "SELECT number, owner, map, since FROM space_map JOIN space ON KEY = space"},
    {"device",
     "SELECT number, idx, device.kind, device.name, parent, vlan, mode, mac, flags FROM device JOIN space ON "
     "KEY "
     "= space"},
    {"device_address",
     "SELECT number, idx, role, hex(ip), prefix FROM device_address JOIN space ON KEY = space"},
    {"device_origin",
     "SELECT number, idx, device_origin.kind, mac, permanent, hardware, away, link, peer, mtu, link_group, "
     "up FROM "
     "device_origin JOIN space ON KEY = space"},
    {"device_altname",
     "SELECT number, idx, device_altname.name FROM device_altname JOIN space ON KEY = space"},
    {"device_former",
     "SELECT number, idx, hex(ip), prefix, hex(peer), hex(broadcast), scope, no_route FROM device_former "
     "JOIN space "
     "ON KEY = space"},
};

class Migrations : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    fs::create_directory(dir_ + "/lib");
    fs::copy_file(WARREN_TEST_DATA "/store-v1.db", path_);
  }

  [[nodiscard]] Rows rows(const std::string& sql, const std::string& file) const {
    Rows found;
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open(file.c_str(), &db), SQLITE_OK);
    const auto add = [](void* to, int count, char** values, char**) {
      std::string row;
      for (int i = 0; i < count; ++i) row += std::string(values[i] ? values[i] : "NULL") + "|";
      static_cast<Rows*>(to)->insert(row);
      return 0;
    };
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), add, &found, nullptr), SQLITE_OK) << sqlite3_errmsg(db) << sql;
    sqlite3_close(db);
    return found;
  }

  /// Of each table, with the column that spaces are known by.
  [[nodiscard]] std::map<std::string, Rows> content(const std::string& key, const std::string& file) const {
    std::map<std::string, Rows> all;
    for (auto [table, sql] : kTables) {
      if (const auto at = sql.find("KEY"); at != std::string::npos) sql.replace(at, 3, key);
      all[table] = rows(sql, file);
    }
    return all;
  }

  [[nodiscard]] std::string version() const { return *rows("PRAGMA user_version", path_).begin(); }
};

TEST_F(Migrations, NothingOfVersion1IsLost) {
  const auto before = content("number", path_);
  for (const auto& [table, found] : before)
    EXPECT_FALSE(found.empty()) << table << ": the test data has none";
  open();
  EXPECT_EQ(version(), "2|");
  EXPECT_EQ(content("id", path_), before);
  EXPECT_EQ(content("number", path_ + ".v1"), before) << "the copy";
  EXPECT_EQ(rows("PRAGMA user_version", path_ + ".v1"), Rows{"1|"});
  EXPECT_EQ(static_cast<unsigned>(fs::status(path_ + ".v1").permissions()), 0600U);
  EXPECT_EQ(rows("PRAGMA integrity_check", path_), Rows{"ok|"});
  EXPECT_EQ(rows("PRAGMA foreign_key_check", path_), Rows{});
  for (const auto& entry : fs::directory_iterator(dir_ + "/lib"))
    EXPECT_EQ(entry.path().string().find("part"), std::string::npos) << entry;
}

TEST_F(Migrations, AMigratedStoreWorks) {
  auto store = open();
  const auto all = store.spaces().all().value();
  ASSERT_EQ(all.size(), 6U);
  const auto web1 = store.spaces().find(name("web1")).value().value();
  EXPECT_EQ(all[0], web1);
  ASSERT_EQ(web1.forwards.size(), 3U);
  EXPECT_EQ(web1.forwards[0].str(), "tcp 6000 -> 8080");
  EXPECT_EQ(web1.devices.size(), 2U);
  const auto cell = store.spaces().find(name("cell")).value().value();
  ASSERT_EQ(cell.devices.size(), 1U);
  ASSERT_TRUE(cell.devices[0].origin);
  EXPECT_EQ(cell.devices[0].origin->altnames, std::vector<std::string>{"lanport"});
  EXPECT_EQ(cell.devices[0].origin->addresses.size(), 1U);
  EXPECT_EQ(store.revision().value(), 0);
  ASSERT_TRUE(insert(store, space(9, "new", {tcp(100)})));
  EXPECT_EQ(store.spaces().allocate(kLastNumber, derived()).value(), 10);
  ASSERT_TRUE(store.spaces().erase(2));
  EXPECT_FALSE(store.forwards().collision(tcp(6000)).value());
  EXPECT_EQ(store.members().all()->size(), 1U);
  EXPECT_EQ(store.revision().value(), 3);
}

TEST_F(Migrations, AReaderReadsAnEarlierStoreAndLeavesItAlone) {
  auto reader = Store::open_read_only(path_).value();
  EXPECT_TRUE(reader.is_on_disk());
  EXPECT_EQ(reader.spaces().all()->size(), 6U);
  const auto before = reader.data_version().value();
  EXPECT_EQ(reader.data_version().value(), before);
  EXPECT_EQ(version(), "1|");
  EXPECT_FALSE(fs::exists(path_ + ".v1"));
  auto writer = open();
  ASSERT_TRUE(insert(writer, space(9, "new")));
  EXPECT_NE(reader.data_version().value(), before) << "somebody has migrated it";
  EXPECT_EQ(reader.spaces().all()->size(), 7U);
}

/// Stores of version 1 that builds before the last of them made.
TEST_F(Migrations, Version1WithoutItsLaterTablesIsCompleted) {
  const auto before = content("number", path_);
  const std::string no_former = "DROP TABLE device_former; DROP TABLE device_altname;";
  std::string origins = no_former;
  for (const auto* column : {"kind", "hardware", "away", "link", "peer", "link_group"})
    origins += fmt::format("ALTER TABLE device_origin DROP COLUMN {};", column);
  const auto no_devices =
      no_former +
      "DROP TABLE device_origin; DROP TABLE device_address; DROP TABLE device; ALTER TABLE space DROP "
      "COLUMN uplink;";
  const auto no_ids = no_devices +
                      "DROP TABLE space_map; DROP TABLE id_map_entry; DROP TABLE id_map; DROP TABLE "
                      "id_block;";
  const auto no_members = no_ids + "DROP TABLE service_space; DROP TABLE service; DROP TABLE member;";
  for (const auto& drops : {origins, no_devices, no_ids, no_members}) {
    fs::remove_all(dir_ + "/lib");
    fs::create_directory(dir_ + "/lib");
    fs::copy_file(WARREN_TEST_DATA "/store-v1.db", path_);
    raw(drops);
    auto store = open();
    EXPECT_EQ(store.spaces().all()->size(), 6U) << drops;
    EXPECT_TRUE(store.members().all() && store.services().all() && store.ids().uses()) << drops;
    EXPECT_EQ(
        rows("SELECT number, proto, hex(host), first, last, to_port FROM forward JOIN space ON id = space",
             path_),
        before.at("forward"));
    ASSERT_TRUE(insert(store, space(9, "new")));
  }
}

TEST_F(Migrations, WhatCannotBeMigratedStaysAsItWas) {
  raw("ALTER TABLE forward RENAME COLUMN to_port TO other");
  const auto what = reason(Store::open(path_));
  EXPECT_NE(
      what.find("the store of an earlier warren (schema 1) could not be brought to schema 2, and stays as it "
                "was: store " +
                path_),
      std::string::npos)
      << what;
  EXPECT_EQ(version(), "1|");
  EXPECT_EQ(rows("SELECT count(*) FROM space", path_), Rows{"6|"});
}

/// At forty moments of it.
TEST_F(Migrations, AKillLeavesTheOldStore) {
  const auto before = content("number", path_);
  int killed = 0;
  for (int milliseconds = 0; milliseconds < 40; ++milliseconds) {
    fs::remove_all(dir_ + "/lib");
    fs::create_directory(dir_ + "/lib");
    fs::copy_file(WARREN_TEST_DATA "/store-v1.db", path_);
    const pid_t child = ::fork();
    if (child == 0) {
      (void)Store::open(path_);
      ::_exit(0);
    }
    ::usleep(static_cast<useconds_t>(milliseconds) * 500);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    killed += WIFSIGNALED(status) ? 1 : 0;
    EXPECT_EQ(content(version() == "1|" ? "number" : "id", path_), before) << milliseconds;
    open();
    EXPECT_EQ(content("id", path_), before) << milliseconds;
  }
  EXPECT_GT(killed, 0) << "it was always quicker";
}

TEST_F(Migrations, TwentyProcessesMigrateItOnce) {
  std::vector<pid_t> children;
  for (int i = 0; i < 20; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    const auto done = [&]() -> Status {
      auto store = TRY(Store::open(path_));
      return insert(store, space(static_cast<SpaceNumber>(100 + i), fmt::format("p{}", i)));
    }();
    if (!done) std::fprintf(stderr, "%s\n", done.error().what.c_str());
    ::_exit(done ? 0 : 1);
  }
  for (const auto child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(open().spaces().count().value(), 26U);
}

/// Who changes a table adds a migration: the tables of a version are what this file says, for ever.
TEST_F(StoreTest, TheTablesOfThisVersionAreKnown) {
  open();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  const auto add = [](void* to, int, char** values, char**) {
    static_cast<std::string*>(to)->append(values[0]).append("\n");
    return 0;
  };
  std::string text;
  EXPECT_EQ(sqlite3_exec(db, "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name", add, &text,
                         nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  std::ifstream file(WARREN_TEST_DATA "/store-v2.sql");
  const std::string known(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(text, known);
}

TEST_F(StoreTest, TheRevisionGrowsByOneWithEachCommitThatChangesSomething) {
  EXPECT_EQ(Store::open_read_only(path_)->revision().value(), 0);
  auto store = open();
  EXPECT_EQ(store.revision().value(), 0);
  {
    auto change = store.begin().value();
    ASSERT_TRUE(insert(store, space(2, "a", {tcp(80), tcp(81)})));
    ASSERT_TRUE(store.spaces().set_state(2, State::down));
    ASSERT_TRUE(change.commit());
  }
  EXPECT_EQ(store.revision().value(), 1);
  {
    auto change = store.begin().value();
    ASSERT_TRUE(change.commit());
    auto taken_back = store.begin().value();
    ASSERT_TRUE(store.spaces().set_state(2, State::up));
  }
  EXPECT_EQ(store.revision().value(), 1) << "nothing was changed";
  ASSERT_TRUE(store.spaces().set_state(2, State::up)) << "outside of a transaction";
  EXPECT_EQ(store.revision().value(), 2);
  EXPECT_EQ(code(store.spaces().erase(77)), Code::not_found);
  EXPECT_EQ(store.revision().value(), 2);
  EXPECT_EQ(Store::open_read_only(path_)->revision().value(), 2);
}

TEST_F(StoreTest, ACopyOfTheFileIsWholeWhileNothingRuns) {
  const auto copied = [&] {
    const auto copy = dir_ + "/copy.db";
    fs::copy_file(path_, copy, fs::copy_options::overwrite_existing);
    auto store = Store::open_read_only(copy).value();
    return store.spaces().count().value();
  };
  {
    auto store = open();
    ASSERT_TRUE(insert(store, space(2, "a")));
  }
  EXPECT_EQ(copied(), 1U);
  {
    auto reader = Store::open_read_only(path_).value();
    ASSERT_EQ(reader.spaces().count().value(), 1U);
    {
      auto store = open();
      ASSERT_TRUE(insert(store, space(3, "b")));
    }
    ASSERT_EQ(reader.spaces().count().value(), 2U);
  }
  EXPECT_EQ(copied(), 2U) << "the last to close only read";
}

TEST_F(StoreTest, OperationsAskOfDevicesNarrowly) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a")));
  ASSERT_TRUE(insert(store, space(3, "b")));
  model::Device lan;
  lan.index = 1, lan.kind = model::DeviceKind::macvlan, lan.name = IfName::parse("lan").value();
  lan.parent = IfName::parse("eth0").value(), lan.mode = model::DeviceMode::bridge;
  lan.addresses = {IpPrefix{ip("192.0.2.5"), 24}};
  lan.gateways = {ip("192.0.2.1")};
  ASSERT_TRUE(store.devices().put(2, lan));
  auto tagged = lan;
  tagged.index = 2, tagged.vlan = 7, tagged.name = IfName::parse("tagged").value(), tagged.addresses = {};
  ASSERT_TRUE(store.devices().put(3, tagged));
  const auto eth0 = *lan.parent;
  const auto on = store.devices().on(eth0).value();
  ASSERT_EQ(on.size(), 2U);
  EXPECT_EQ(on[0].space, name("a"));
  EXPECT_EQ(on[1].number, 3);
  EXPECT_EQ(on[1].device.vlan, 7);
  EXPECT_EQ(store.devices().on(eth0, model::DeviceKind::macvlan, 7)->size(), 1U);
  EXPECT_EQ(store.devices().on(eth0, model::DeviceKind::vlan, 7)->size(), 0U);
  const auto owner = store.devices().with_address(ip("192.0.2.5")).value();
  ASSERT_EQ(owner.size(), 1U);
  EXPECT_EQ(owner[0].space, name("a"));
  EXPECT_TRUE(store.devices().with_address(ip("192.0.2.1"))->empty()) << "a gateway is not its own";
  EXPECT_TRUE(store.devices().any_other_on(eth0, 2, 1).value());
  ASSERT_TRUE(insert(store, space(4, "none")));
  EXPECT_EQ(store.devices().owners().value(), (std::vector{name("a"), name("b")}));
  ASSERT_TRUE(store.devices().erase(3, 2));
  EXPECT_EQ(store.devices().owners().value(), std::vector{name("a")});
  EXPECT_FALSE(store.devices().any_other_on(eth0, 2, 1).value());
}

TEST_F(StoreTest, NamesByTheirBeginning) {
  auto store = open();
  SpaceNumber number = 2;
  for (const auto* text : {"web", "web-1", "web1", "web_a", "weB", "wec", "webz9", "a", "_x"})
    ASSERT_TRUE(insert(store, space(number++, text)));
  EXPECT_EQ(store.spaces().names("web").value(),
            (std::vector{name("web"), name("web-1"), name("web1"), name("web_a"), name("webz9")}));
  EXPECT_EQ(store.spaces().names("web1").value(), std::vector{name("web1")});
  EXPECT_TRUE(store.spaces().names("webs")->empty());
  EXPECT_TRUE(store.spaces().names("w%")->empty()) << "no pattern";
  EXPECT_EQ(store.spaces().names("")->size(), 9U);
}

TEST_F(StoreTest, StatesAreCounted) {
  auto store = open();
  for (SpaceNumber number = 2; number < 5; ++number)
    ASSERT_TRUE(insert(store, space(number, fmt::format("s{}", number))));
  ASSERT_TRUE(store.spaces().set_state(3, State::down));
  EXPECT_EQ(store.spaces().count(State::up).value(), 2U);
  EXPECT_TRUE(store.spaces().any_other(State::up, 2).value());
  ASSERT_TRUE(store.spaces().set_state(4, State::removing));
  EXPECT_FALSE(store.spaces().any_other(State::up, 2).value());
  EXPECT_EQ(store.spaces().names().value(), (std::vector{name("s2"), name("s3"), name("s4")}));
  const std::vector wanted{name("s4"), name("none"), name("s2")};
  const auto found = store.spaces().find_many(wanted).value();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, name("s4"));
}

/// What is no tenant hangs beside what is.
TEST_F(StoreTest, SpacesThatAreNoTenantsFit) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a", {tcp(80)})));
  raw("INSERT INTO space(kind, name, ip4_given, ip6_given, nat, adopted, state, uplink) "
      "VALUES(1, 'lab.node', 0, 0, 0, 0, 0, 0);"
      "INSERT INTO forward SELECT id, 6, x'', 90, 90, 90 FROM space WHERE name = 'lab.node'");
  ASSERT_TRUE(insert(store, space(3, "b", {tcp(81)})));
  EXPECT_EQ(store.spaces().all().value(), (std::vector{space(2, "a", {tcp(80)}), space(3, "b", {tcp(81)})}));
  EXPECT_EQ(store.spaces().find(name("lab.node")).value(), std::nullopt);
  EXPECT_EQ(store.spaces().count().value(), 2U);
  EXPECT_TRUE(store.forwards().collision(tcp(90)).value()) << "but its port is taken";
}

}  // namespace
}  // namespace warren::store
