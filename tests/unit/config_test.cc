// SPDX-License-Identifier: GPL-2.0-or-later
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "config/read_text.h"
#include "config/settings.h"

namespace warren::config {
namespace {

using model::Settings;

/// The message of a failure; it must be one line and of kind `usage`.
template <class T>
std::string reason(const Result<T>& result) {
  if (result) return "(no error)";
  EXPECT_EQ(result.error().code, Code::usage) << result.error().what;
  EXPECT_EQ(result.error().what.find('\n'), std::string::npos) << result.error().what;
  return result.error().what;
}

std::string settings_error(std::string_view text) { return reason(parse_settings(text, "w.toml")); }

class TempDir {
 public:
  TempDir() {
    std::string name = testing::TempDir() + "warren-config-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Settings, EmptyMeansDefaults) { EXPECT_EQ(parse_settings("", "w.toml").value(), Settings{}); }

TEST(Settings, EveryKey) {
  const auto settings = parse_settings(R"(
pool = "10.9.0.0/20"
ula = "fd12:3456:789a::/48"
uplink = "eth0"
ipv6 = false
host_access = "all"
host_services = ["tcp:53", "udp:53"]
publish = "outside-only"
port_range = "50000-50100"
conntrack_per_space = 0
[sessions]
confine = true
[hooks]
timeout = 5
)",
                                       "w.toml")
                            .value();
  EXPECT_EQ(settings.pool.str(), "10.9.0.0/20");
  EXPECT_EQ(settings.ula->str(), "fd12:3456:789a::/48");
  EXPECT_EQ(settings.uplink->str(), "eth0");
  EXPECT_FALSE(settings.no_uplink);
  EXPECT_FALSE(settings.ipv6);
  EXPECT_EQ(settings.host_access, model::HostAccess::all);
  EXPECT_EQ(settings.host_services, (std::vector<ProtoPort>{{Proto::tcp, 53}, {Proto::udp, 53}}));
  EXPECT_EQ(settings.publish, model::Publish::outside_only);
  EXPECT_EQ(settings.port_range, (PortRange{50000, 50100}));
  EXPECT_EQ(settings.conntrack_per_space, 0U);
  EXPECT_TRUE(settings.confine);
  EXPECT_EQ(settings.hook_timeout, 5U);
}

TEST(Settings, Sessions) {
  EXPECT_FALSE(parse_settings("[sessions]", "w.toml")->confine);
  EXPECT_FALSE(parse_settings("sessions.confine = false", "w.toml")->confine);
  EXPECT_TRUE(parse_settings("sessions = { confine = true }", "w.toml")->confine);
  EXPECT_EQ(settings_error("[sessions]\nconfine = 1"),
            "w.toml:2: sessions.confine: must be true or false, without quotes, not a number");
  EXPECT_EQ(settings_error("[sessions]\n\nconfined = true"),
            "w.toml:3: sessions.confined: unknown key; known are: confine, min_uid");
  EXPECT_TRUE(settings_error("sessions = true").starts_with("w.toml:1: sessions: must be "));
}

TEST(Settings, MinUid) {
  EXPECT_EQ(parse_settings("", "w.toml")->min_uid, 1000U);
  EXPECT_EQ(parse_settings("[sessions]\nmin_uid = 500", "w.toml")->min_uid, 500U);
  for (const auto* text : {"0", "-1", "4294967295"}) {
    const auto error = settings_error(std::string("sessions.min_uid = ") + text);
    EXPECT_NE(error.find("sessions.min_uid: "), error.npos) << error;
    EXPECT_NE(error.find("a number from 1 to 4294967294"), error.npos) << error;
  }
  EXPECT_EQ(
      settings_error("[sessions]\nmin_uid = \"500\""),
      "w.toml:2: sessions.min_uid: must be a number from 1 to 4294967294, without quotes, not a string");
}

TEST(Settings, HookTimeout) {
  EXPECT_EQ(parse_settings("", "w.toml")->hook_timeout, 30U);
  EXPECT_EQ(parse_settings("[hooks]\ntimeout = 1", "w.toml")->hook_timeout, 1U);
  EXPECT_EQ(parse_settings("hooks.timeout = 3600", "w.toml")->hook_timeout, 3600U);
  for (const auto* wrong : {"0", "3601", "-1", "\"30s\"", "true"})
    EXPECT_TRUE(
        settings_error(std::string("[hooks]\ntimeout = ") + wrong).starts_with("w.toml:2: hooks.timeout: "))
        << wrong;
  EXPECT_EQ(settings_error("[hooks]\ndeadline = 1"),
            "w.toml:2: hooks.deadline: unknown key; known are: timeout");
}

TEST(Settings, Ids) {
  const auto ids = [](std::string_view text) { return parse_settings(text, "w.toml").value().ids; };
  EXPECT_EQ(ids(""), model::IdSettings());
  EXPECT_EQ(ids("[ids]"), model::IdSettings());
  EXPECT_EQ(ids("[ids]\nfirst = 65536\nsize = 65536\ncount = 1"), (model::IdSettings{65536, 65536, 1}));
  EXPECT_EQ(ids("[ids]\nsize = 1048576").count, 1791U);  // what ends by the end of systemd's range
  EXPECT_EQ(ids("[ids]\nfirst = 2000000000\nsize = 1000000").count, 2294U);
  EXPECT_EQ(settings_error("\n[ids]\nsize = 65535"),
            "w.toml:2: ids: a block of 65535 IDs is too small: it holds at least 0-65535, so 65536");
  EXPECT_EQ(settings_error("[ids]\nfirst = -1"),
            "w.toml:2: ids.first: -1 is out of range: write a number from 1 to 4294967294");
}

TEST(Settings, NoUplink) {
  const auto settings = parse_settings("uplink = \"none\"", "w.toml").value();
  EXPECT_TRUE(settings.no_uplink);
  EXPECT_FALSE(settings.uplink);
}

TEST(Settings, ErrorsNameFileLineKeyAndRemedy) {
  EXPECT_EQ(
      settings_error("\npol = 1"),
      "w.toml:2: pol: unknown key; known are: pool, ula, uplink, ipv6, host_access, host_services, publish, "
      "port_range, conntrack_per_space, sessions, hooks, ids");
  EXPECT_EQ(settings_error("ipv6 = \"yes\""),
            "w.toml:1: ipv6: must be true or false, without quotes, not a string");
  EXPECT_EQ(settings_error("pool = 10"),
            "w.toml:1: pool: must be a string like \"100.64.0.0/16\", not a number");
  EXPECT_EQ(settings_error("publish = \"none\""),
            "w.toml:1: publish: 'none' is not known: write \"everywhere\" or \"outside-only\"");
  EXPECT_EQ(settings_error("host_services = [\n\"tcp:53\",\n\"tcp:53\"]"),
            "w.toml:3: host_services: tcp:53 stands twice: leave one out");
  EXPECT_EQ(settings_error("conntrack_per_space = -1"),
            "w.toml:1: conntrack_per_space: -1 is out of range: write a number from 0 to 4294967295");
}

TEST(Settings, RefusesBadValues) {
  for (const auto* text : {"pool = \"100.64.0.0/15\"",
                           "pool = \"100.64.0.0/25\"",
                           "pool = \"100.64.0.1/16\"",
                           "pool = \"127.1.0.0/16\"",
                           "pool = \"224.0.0.0/16\"",
                           "pool = \"240.0.0.0/16\"",
                           "pool = \"0.1.0.0/16\"",
                           "pool = \"fd00::/16\"",
                           "pool = \"\"",
                           "pool = \"100.64.0.0\"",
                           "pool = ''",
                           "pool = [\"100.64.0.0/16\"]",
                           "ula = \"fc00::/48\"",
                           "ula = \"fd00::/47\"",
                           "ula = \"fd00::1/48\"",
                           "ula = \"10.0.0.0/16\"",
                           "ula = \"2001:db8::/48\"",
                           "uplink = \"\"",
                           "uplink = \"a/b\"",
                           "uplink = \"sixteen-letters-\"",
                           "uplink = \"..\"",
                           "ipv6 = 1",
                           "host_access = \"none\"",
                           "host_access = true",
                           "host_services = \"tcp:53\"",
                           "host_services = [53]",
                           "host_services = [\"icmp:1\"]",
                           "host_services = [\"tcp:0\"]",
                           "port_range = \"61000-40000\"",
                           "port_range = \"0-10\"",
                           "port_range = 40000",
                           "port_range = \"1-65536\"",
                           "conntrack_per_space = 4294967296",
                           "conntrack_per_space = 1.5",
                           "conntrack_per_space = \"1\"",
                           "[pool]",
                           "pool = 1979-05-27"}) {
    const auto what = settings_error(text);
    EXPECT_TRUE(what.starts_with("w.toml:1: ")) << text << " -> " << what;
  }
}

TEST(Settings, InvalidToml) {
  for (const auto* text : {"pool", "pool = ", "= 1", "pool = \"", "[", "ipv6 = true\nipv6 = true", "\xff\xfe",
                           "a = 1 b = 2", "ipv6 = true\n\n[[ipv6]]"})
    EXPECT_NE(settings_error(text).find("invalid TOML"), std::string::npos) << text;
  EXPECT_TRUE(settings_error("ipv6 = true\npool = @").starts_with("w.toml:2: invalid TOML: "));
}

TEST(Settings, QuotedInputStaysOnOneLine) {
  EXPECT_NE(settings_error("uplink = \"a\\nb\"").find("a\\x0ab"), std::string::npos);
  EXPECT_NE(settings_error("\"a\\nb\" = 1").find("a\\x0ab"), std::string::npos);
  EXPECT_LT(settings_error("\"" + std::string(5000, 'x') + "\" = 1").size(), 400U);
}

TEST(Settings, DeepNestingIsRefusedNotACrash) {
  std::string dots = "a";
  for (int i = 0; i < 200'000; ++i) dots += ".a";
  EXPECT_NE(settings_error(dots + " = 1").find("too much on one line"), std::string::npos);
  EXPECT_NE(settings_error(dots.substr(0, 8001) + " = 1").find("inside each other"), std::string::npos);
  EXPECT_NE(settings_error("a = " + std::string(200, '[') + std::string(200, ']')).find("inside each other"),
            std::string::npos);
  EXPECT_NE(settings_error("a = " + std::string(100'000, '[')).find("invalid TOML"), std::string::npos);
}

TEST(LoadSettings, MissingFileMeansDefaultsUnlessNamed) {
  const TempDir dir;
  EXPECT_EQ(load_settings(dir.file("none"), false).value(), Settings{});
  EXPECT_EQ(load_settings(dir.file("no/where"), false).has_value(), true);
  EXPECT_EQ(reason(load_settings(dir.file("none"), true)), dir.file("none") + ": there is no such file");
  EXPECT_NE(reason(load_settings(dir.path(), false)).find("is a directory"), std::string::npos);
}

TEST(LoadSettings, NamesThePathInErrors) {
  const TempDir dir;
  std::ofstream(dir.file("w.toml")) << "ipv6 = false\nnonsense = 1\n";
  EXPECT_TRUE(
      reason(load_settings(dir.file("w.toml"), true)).starts_with(dir.file("w.toml") + ":2: nonsense: "));
}

TEST(ReadText, LimitsTheSize) {
  const TempDir dir;
  std::ofstream(dir.file("big")) << std::string(kMaxFileSize + 1, '#');
  std::ofstream(dir.file("fits")) << std::string(kMaxFileSize, '#');
  EXPECT_EQ(reason(read_text(dir.file("big"))), dir.file("big") + ": is over 16 MiB: split it");
  EXPECT_EQ(read_text(dir.file("fits")).value().size(), kMaxFileSize);
  EXPECT_NE(reason(read_text("/dev/zero")).find("16 MiB"), std::string::npos);
  EXPECT_EQ(read_text("/dev/null").value(), "");
}

TEST(ReadText, StandardInput) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "hello", 5), 5);
  ::close(ends[1]);
  const int saved = ::dup(STDIN_FILENO);
  ::dup2(ends[0], STDIN_FILENO);
  const auto text = read_text("-");
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  ::close(ends[0]);
  EXPECT_EQ(text.value(), "hello");
}

}  // namespace
}  // namespace warren::config
