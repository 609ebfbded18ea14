// SPDX-License-Identifier: GPL-2.0-or-later
// The hooks of devices, as the engine runs them, and what a caller's state must not do to a hook.
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include "engine/hooks.h"
#include "hooks/run.h"
#include "kernel_fixture.h"
#include "patience.h"
#include "sys/file.h"

namespace warren::hooks {
namespace {

constexpr const char* kSeen = "/run/hook-seen";

class HookRun : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    space_.number = 7;
    space_.name = space_name("web1");
    settings_.ipv6 = false;
  }
  void TearDown() override {
    if (!IsSkipped()) std::filesystem::remove_all(kPlace.config());
  }

  static void put(const std::string& event, const std::string& text) {
    const auto folder = fmt::format("{}/hooks.d/{}", kPlace.config(), event);
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/10-test") << "#!/bin/sh\n" << text << "\n";
    ::chmod((folder + "/10-test").c_str(), 0755);
  }
  static std::string seen() { return sys::read_file(kSeen).value_or("nothing"); }
  [[nodiscard]] Status run(Event event, int seconds = 5) const {
    return run_hooks(kPlace, event, Facts(kPlace, space_, settings_),
                     std::chrono::ceil<std::chrono::seconds>(test::patience(seconds)));
  }

  model::Space space_;
  model::Settings settings_;
};

TEST_F(HookRun, DeviceEvents) {
  for (const auto* event : {"dev-add", "dev-rm"})
    put(event, fmt::format("echo $WARREN_EVENT $WARREN_SPACE $WARREN_DEVICE $WARREN_DEVICE_VLAN >{}", kSeen));
  engine::Hooks hooks(kPlace);
  hooks.device(Event::dev_add, space_, settings_, {"eth7", "vlan", "02:00:07:00:07:01", "uplink", 7});
  EXPECT_EQ(seen(), "dev-add web1 eth7 7\n");
  hooks.device(Event::dev_rm, space_, settings_, {"eth8", "macvlan", "02:00:00:00:07:02", "uplink", {}});
  EXPECT_EQ(seen(), "dev-rm web1 eth8\n");
}

TEST_F(HookRun, OnlyPreUpFails) {
  for (const auto* event : {"pre-up", "dev-add"}) put(event, "echo one >&2; printf two >&2; exit 9");
  ASSERT_OK(run(Event::dev_add));
  const auto refused = run(Event::pre_up);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().what, "hook /etc/warren/hooks.d/pre-up/10-test: exit status 9: two");
}

TEST_F(HookRun, NothingWithoutAFolder) {
  EXPECT_FALSE(any(kPlace));
  ASSERT_OK(run(Event::pre_up));
  put("up", "true");
  EXPECT_TRUE(any(kPlace) && wanted(kPlace, Event::up, space_.name));
  EXPECT_FALSE(wanted(kPlace, Event::down, space_.name));
}

TEST_F(HookRun, SignalsAreAsUsual) {
  put("pre-up", fmt::format("grep -E 'Sig(Blk|Ign)' /proc/$$/status | tr -d '\\n\\t' >{}", kSeen));
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t old;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &old);
  ASSERT_OK(run(Event::pre_up));
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  ::signal(SIGPIPE, before);
  EXPECT_EQ(seen(), "SigBlk:0000000000000000SigIgn:0000000000000000");
}

TEST_F(HookRun, FactsLargerThanAPipe) {
  for (unsigned port = 10000; port < 30000; ++port)
    space_.forwards.push_back({Proto::tcp, {}, PortRange::parse(std::to_string(port)).value(), 80});
  put("pre-up", fmt::format("sleep 0.2; wc -l >{0}; echo \"${{WARREN_FORWARDS-none}}\" >>{0}", kSeen));
  ASSERT_OK(run(Event::pre_up));
  EXPECT_EQ(seen(), "1\nnone\n");
}

TEST_F(HookRun, WhoReadsNothingHoldsNobodyUp) {
  put("pre-up", "exec 0<&- 1>&- 2>&-; exit 0");
  ASSERT_OK(run(Event::pre_up, 2));
  put("pre-up", "exec 1>&- 2>&-; sleep 3600");
  EXPECT_FALSE(run(Event::pre_up, 1));
}

}  // namespace
}  // namespace warren::hooks
