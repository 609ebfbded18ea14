// SPDX-License-Identifier: GPL-2.0-or-later
// Port specifications as users write them, and the forwards they become.
#include "model/forward_spec.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace warren::model {
namespace {

using namespace std::string_view_literals;

/// "tcp,udp host ports -> to", with "-" for what was left out.
std::string shape(const ForwardSpec& spec) {
  std::string protos;
  for (const auto proto : spec.protos) protos += (protos.empty() ? "" : ",") + std::string(name(proto));
  return fmt::format("{} {} {} -> {}", protos, spec.host ? spec.host->str() : "-",
                     spec.ports ? spec.ports->str() : "-", spec.to);
}

TEST(ForwardSpec, Takes) {
  const struct {
    std::string_view text, shape;
  } table[] = {
      {"8080", "tcp - - -> 8080"},
      {"6000:8080", "tcp - 6000 -> 8080"},
      {"6000:8080/tcp", "tcp - 6000 -> 8080"},
      {"53:53/udp", "udp - 53 -> 53"},
      {"53/both", "tcp,udp - - -> 53"},
      {"1:65535", "tcp - 1 -> 65535"},
      {"203.0.113.10:53:5353/udp", "udp 203.0.113.10 53 -> 5353"},
      {"127.0.0.1:80:8080", "tcp 127.0.0.1 80 -> 8080"},
      {"[2001:db8::1]:80:8080", "tcp 2001:db8::1 80 -> 8080"},
      {"8000-8099", "tcp - 8000-8099 -> 8000"},
      {"8000-8099:8000-8099/udp", "udp - 8000-8099 -> 8000"},
      {"1.2.3.4:8000-8099:8000-8099", "tcp 1.2.3.4 8000-8099 -> 8000"},
      {"80-80:80", "tcp - 80 -> 80"},
  };
  for (const auto& [text, wanted] : table) {
    const auto spec = ForwardSpec::parse(text);
    ASSERT_TRUE(spec) << text << ": " << spec.error().what;
    EXPECT_EQ(shape(*spec), wanted) << text;
  }
}

TEST(ForwardSpec, Refuses) {
  for (const auto text : {""sv,
                          ":"sv,
                          "::"sv,
                          "/"sv,
                          "/tcp"sv,
                          "80/"sv,
                          "80/sctp"sv,
                          "80/TCP"sv,
                          "0"sv,
                          "65536"sv,
                          "80:0"sv,
                          "0:80"sv,
                          "80-79"sv,
                          "8000-8099:8000"sv,
                          "8000:8000-8099"sv,
                          "8000-8099:9000-9099"sv,
                          "http"sv,
                          "80:"sv,
                          ":80"sv,
                          "host:80:80"sv,
                          "1.2.3.4:80"sv,
                          "1.2.3.4:80:80:80"sv,
                          "0.0.0.0:80:80"sv,
                          "[::]:80:80"sv,
                          "[::1]:80:80"sv,
                          "[1.2.3.4]:80:80"sv,
                          "2001:db8::1:80:80"sv,
                          "[2001:db8::1]80:80"sv,
                          "[2001:db8::1:80:80"sv,
                          "80 :80"sv,
                          "80:80/tcp/udp"sv,
                          "80\0:80"sv,
                          "1.2.3.4\0:80:80"sv}) {
    const auto spec = ForwardSpec::parse(text);
    ASSERT_FALSE(spec) << "'" << text << "' was taken as " << shape(*spec);
    EXPECT_EQ(spec.error().code, Code::usage);
    EXPECT_TRUE(spec.error().what.starts_with("port specification '")) << spec.error().what;
  }
  EXPECT_NE(ForwardSpec::parse("[::1]:80:80").error().what.find("cannot translate [::1]"), std::string::npos);
  EXPECT_NE(ForwardSpec::parse("8000-8099:9000").error().what.find("write 8000-8099"), std::string::npos);
}

TEST(ForwardSpec, BecomesForwards) {
  const auto both = ForwardSpec::parse("53/both")->forwards({40000, 40000});
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0], (Forward{Proto::tcp, {}, {40000, 40000}, 53}));
  EXPECT_EQ(both[1], (Forward{Proto::udp, {}, {40000, 40000}, 53}));
  EXPECT_EQ(ForwardSpec::parse("80:8080")->forwards({1, 1}).at(0).ports, (PortRange{80, 80}))
      << "given ones stay";
}

TEST(Forward, SpecParsesBackToItself) {
  for (const auto text : {"6000:8080", "53:53/udp", "203.0.113.10:53:5353/udp", "[2001:db8::1]:80:8080",
                          "8000-8099", "8000-8099/udp", "1.2.3.4:8000-8099:8000-8099"}) {
    const auto forward = ForwardSpec::parse(text)->forwards({1, 1}).at(0);
    const auto again = ForwardSpec::parse(forward.spec());
    ASSERT_TRUE(again) << forward.spec();
    EXPECT_EQ(again->forwards({2, 2}), std::vector{forward}) << forward.spec();
  }
}

TEST(Forward, Words) {
  const auto words = [](std::string_view text) {
    return ForwardSpec::parse(text)->forwards({1, 1}).at(0).str();
  };
  EXPECT_EQ(words("6000:8080"), "tcp 6000 -> 8080");
  EXPECT_EQ(words("203.0.113.1:53:53/udp"), "udp 203.0.113.1:53 -> 53");
  EXPECT_EQ(words("[2001:db8::1]:80:81"), "tcp [2001:db8::1]:80 -> 81");
  EXPECT_EQ(words("8000-8099"), "tcp 8000-8099");
}

TEST(Forward, CollidesWhereBothCouldNotStand) {
  const auto collide = [](std::string_view a, std::string_view b) {
    const auto one = ForwardSpec::parse(a)->forwards({1, 1}).at(0),
               two = ForwardSpec::parse(b)->forwards({1, 1}).at(0);
    EXPECT_EQ(one.collides(two), two.collides(one)) << a << " " << b;
    return one.collides(two);
  };
  EXPECT_TRUE(collide("80:1", "80:2"));
  EXPECT_FALSE(collide("80:1", "80:1/udp"));
  EXPECT_FALSE(collide("80:1", "81:1"));
  EXPECT_TRUE(collide("1.2.3.4:80:1", "80:1"));
  EXPECT_TRUE(collide("[2001:db8::1]:80:1", "80:1"));
  EXPECT_FALSE(collide("1.2.3.4:80:1", "1.2.3.5:80:1"));
  EXPECT_FALSE(collide("1.2.3.4:80:1", "[2001:db8::1]:80:1"));
  EXPECT_TRUE(collide("80-90", "90:1"));
  EXPECT_TRUE(collide("80-90", "85-99"));
  EXPECT_FALSE(collide("80-90", "91-99"));
}

}  // namespace
}  // namespace warren::model
