// SPDX-License-Identifier: GPL-2.0-or-later
#include "kinds/ids/ids.h"
#include "store/ids.h"
#include "store/spaces.h"
#include "store_fixture.h"

namespace warren::store {
namespace {

using model::IdBlock;
using model::IdMap;

OwnerName owner(std::string_view text) { return OwnerName::parse(text).value(); }
MapName map_name(std::string_view text) { return MapName::parse(text).value(); }

IdMap map(std::string_view called, std::string_view whose) {
  return {map_name(called), owner(whose), {{0, 0, 65536}, {5000000, 100000, 200000}}, {{0, 65536, 65536}}};
}

class StoreIds : public StoreTest {
 protected:
  Store store = [this] {
    SetUp();
    return open();
  }();
};

TEST_F(StoreIds, Blocks) {
  const IdBlock first{{1048576, 524288}, owner("alice"), false, 5};
  ASSERT_TRUE(store.ids().insert_block(first));
  EXPECT_EQ(reason(store.ids().insert_block({{1572864, 524288}, owner("alice"), false, 6})),
            "alice has the block 1,048,576-1,572,863 already");
  EXPECT_EQ(code(store.ids().insert_block({{1048576, 524288}, owner("bob"), false, 6})), Code::exists);
  EXPECT_EQ(store.ids().block_of(owner("alice")).value(), first);
  ASSERT_TRUE(store.ids().quarantine_block(owner("alice"), 7));
  EXPECT_EQ(store.ids().block_of(owner("alice")).value(), std::nullopt);
  EXPECT_EQ(code(store.ids().quarantine_block(owner("alice"), 8)), Code::not_found);
  const IdBlock second{{1572864, 524288}, owner("alice"), false, 9};
  ASSERT_TRUE(store.ids().insert_block(second));  // he may have another
  EXPECT_EQ(store.ids().blocks().value(),
            (std::vector{IdBlock{first.range, owner("alice"), true, 7}, second}));
  ASSERT_TRUE(store.ids().erase_block(1048576));
  EXPECT_EQ(code(store.ids().erase_block(1048576)), Code::not_found);
}

TEST_F(StoreIds, Maps) {
  const auto big = map("big", "alice");
  ASSERT_TRUE(store.ids().insert_map(big));
  EXPECT_NE(reason(store.ids().insert_map(big)).find("maps are never changed"), std::string::npos);
  EXPECT_EQ(store.ids().map(big.name).value(), big);
  EXPECT_EQ(store.ids().maps().value(), std::vector{big});
  ASSERT_TRUE(store.ids().erase_map(big.name));
  EXPECT_EQ(code(store.ids().erase_map(big.name)), Code::not_found);
  EXPECT_EQ(store.ids().maps().value(), std::vector<IdMap>());
}

TEST_F(StoreIds, UsesEndWithTheSpace) {
  ASSERT_TRUE(insert(store, space(2, "web1")));
  ASSERT_TRUE(store.ids().insert_map(map("big", "alice")));
  const model::MapUse use{owner("alice"), map_name("big"), 77};
  ASSERT_TRUE(store.ids().set_use(2, use));
  EXPECT_EQ(store.ids().use_of(2).value(), use);
  EXPECT_EQ(reason(store.ids().erase_map(map_name("big"))), "map 'big' is assigned to a space");
  EXPECT_EQ(code(store.ids().set_use(2, {owner("alice"), map_name("none"), 1})), Code::not_found);
  ASSERT_TRUE(store.spaces().erase(2));
  EXPECT_TRUE(store.ids().uses().value().empty());
  EXPECT_TRUE(store.ids().erase_map(map_name("big")));
}

TEST_F(StoreIds, WhatUserNamespacesAreTold) {
  ASSERT_TRUE(insert(store, space(2, "web1")));
  const auto web1 = store.spaces().find(name("web1")).value().value();
  const model::IdSettings settings;
  ASSERT_TRUE(store.ids().insert_block({{1048576, 524288}, owner("alice"), false, 5}));
  ASSERT_TRUE(store.ids().insert_block({{1572864, 524288}, owner("web1"), false, 5}));
  ASSERT_TRUE(store.ids().insert_map(map("big", "alice")));
  const auto told = [&](const std::optional<std::string>& named) {
    return ids::id_runs(Place::of_host(), store, settings, web1, named).value();
  };
  const IdRuns own{{{0, 1572864, 524288}}, {{0, 1572864, 524288}}};
  const IdRuns big{{{0, 1048576, 65536}, {5000000, 1148576, 200000}}, {{0, 1114112, 65536}}};
  EXPECT_EQ(told({}), own);
  EXPECT_EQ(told("big"), big);
  ASSERT_TRUE(store.ids().set_use(2, {owner("alice"), map_name("big"), 77}));
  EXPECT_EQ(told({}), big);
  EXPECT_EQ(told("default").uid, (std::vector<IdRun>{{0, 1048576, 524288}}));
  EXPECT_EQ(code(ids::id_runs(Place::of_host(), store, settings, web1, "none")), Code::not_found);
  EXPECT_EQ(code(ids::id_runs(Place::of_host(), store, settings, web1, "../x")), Code::usage);
}

}  // namespace
}  // namespace warren::store
