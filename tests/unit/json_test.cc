// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/json.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace warren {
namespace {

TEST(Json, OnOneLineInTheOrderInWhichItWasPut) {
  Json json{{"name", "web1"}, {"number", 1}, {"nat", true}, {"parent", nullptr}};
  json["list"] = Json::array();
  json["list"].push_back(1U);
  json["list"].push_back(Json{{"a", -1}});
  json["name"] = std::string("web2");
  EXPECT_EQ(json.dump(), R"({"name":"web2","number":1,"nat":true,"parent":null,"list":[1,{"a":-1}]})");
}

TEST(Json, Indented) {
  const Json json{
      {"a", Json::list({1, "x"})}, {"none", Json::array()}, {"empty", Json::object()}, {"in", {{"b", 2}}}};
  EXPECT_EQ(json.dump(2), R"({
  "a": [
    1,
    "x"
  ],
  "none": [],
  "empty": {},
  "in": {
    "b": 2
  }
})");
}

TEST(Json, Numbers) {
  EXPECT_EQ(Json(std::numeric_limits<std::uint64_t>::max()).dump(), "18446744073709551615");
  EXPECT_EQ(Json(std::numeric_limits<std::int64_t>::min()).dump(), "-9223372036854775808");
  EXPECT_EQ(Json(0.25).dump(), "0.25");
  EXPECT_EQ(Json(1.0).dump(), "1.0");
  EXPECT_EQ(Json(std::uint8_t{7}).dump(), "7");
}

TEST(Json, TextIsEscapedAndMadeUtf8) {
  EXPECT_EQ(Json("a\"b\\c\n\x01\x7f/ä").dump(), "\"a\\\"b\\\\c\\n\\u0001\x7f/ä\"");
  EXPECT_EQ(Json("\xff").dump(), "\"\xef\xbf\xbd\"");
  EXPECT_EQ((Json{{"k\xff\"", 1}}).dump(), "{\"k\xef\xbf\xbd\\\"\":1}");
  EXPECT_EQ(Json(std::vector<std::string>{"a b", ""}).dump(), R"(["a b",""])");
}

TEST(Json, ReadsWhatItWrites) {
  const std::string text = R"({"z":[1,-2,2.5,true,null,"x\"ä"],"a":{"b":{}},"c":[]})";
  const auto json = Json::parse(text);
  ASSERT_TRUE(json);
  EXPECT_EQ(json->dump(), text);
  EXPECT_EQ(Json::parse(json->dump(4)), json);
  EXPECT_EQ(json->find("z")->items().size(), 6U);
  EXPECT_EQ(json->find("z")->items()[0].number(), 1U);
  EXPECT_EQ(json->find("z")->items()[1].number(), std::nullopt);
  EXPECT_TRUE(json->find("z")->items()[2].is_number());
  EXPECT_EQ(json->find("z")->items()[3].flag(), true);
  EXPECT_EQ(*json->find("z")->items()[5].text(), "x\"ä");
  EXPECT_EQ(json->members()[1].key, "a");
  EXPECT_EQ(json->find("none"), nullptr);
}

TEST(Json, ReadsNoMoreThanJson) {
  for (const auto* text : {"", "{", "[1,]", "{\"a\":1}x", "'a'", "\"\xff\"", "nan", "{1:2}"})
    EXPECT_FALSE(Json::parse(text)) << text;
  EXPECT_TRUE(Json::parse(std::string(200, '[') + std::string(200, ']')));
  EXPECT_FALSE(Json::parse(std::string(201, '[') + std::string(201, ']')));
  EXPECT_FALSE(Json::parse(std::string(1'000'000, '[')));
}

TEST(Json, IsOfOneKind) {
  EXPECT_TRUE(Json().is_null());
  EXPECT_EQ(Json("1").number(), std::nullopt);
  const Json one(1);
  EXPECT_EQ(one.text(), nullptr);
  EXPECT_EQ(one.find("a"), nullptr);
  EXPECT_TRUE(one.items().empty());
  EXPECT_TRUE(Json(1).empty());
  EXPECT_FALSE(Json::list({1}).empty());
  EXPECT_EQ(Json(1), Json(1U));
  EXPECT_NE(Json(1), Json(-1));
  EXPECT_NE(Json(1), Json("1"));
}

}  // namespace
}  // namespace warren
