// SPDX-License-Identifier: GPL-2.0-or-later
// Namespaces: pinning, entering and coming back.
#include <algorithm>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "kernel_fixture.h"
#include "patience.h"
#include "sys/file.h"

namespace warren::sys {
namespace {

class Netns : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_OK(prepare_pins(kPlace));
  }
  static NetnsId here() { return netns_id(current_netns().value().get()).value(); }
  /// Pins a new namespace, made on a thread of its own, and says which it is.
  static NetnsId pinned(const std::string& name) {
    NetnsId id;
    std::thread([&] {
      ASSERT_OK(unshare_netns());
      ASSERT_OK(pin_current(kPlace, space_name(name)));
      id = here();
    }).join();
    return id;
  }
  static bool listed(const std::string& name) {
    const auto names = pinned_names(kPlace).value();
    return std::ranges::find(names, name) != names.end();
  }
};

TEST_F(Netns, PinnedEnteredLeftUnpinned) {
  const auto home = here();
  const auto id = pinned("room");
  EXPECT_NE(id, home);
  EXPECT_EQ(here(), home) << "the other thread went, not this one";
  EXPECT_TRUE(listed("room"));
  EXPECT_EQ(netns_id(kPlace.pin("room")), id);
  {
    const auto fd = open_netns("/run/netns/room");
    ASSERT_OK(fd);
    const auto guard = NetnsGuard::enter(fd->get());
    ASSERT_OK(guard);
    EXPECT_EQ(here(), id);
  }
  EXPECT_EQ(here(), home) << "the guard brings the thread back";
  EXPECT_EQ(std::system("ip netns list | grep -q ^room && ip netns exec room true"), 0);
  ASSERT_OK(unpin(kPlace, space_name("room")));
  EXPECT_FALSE(listed("room"));
  EXPECT_TRUE(unpin(kPlace, space_name("room"))) << "one that is not there is fine";
}

TEST_F(Netns, AGuardThatWasMovedReturnsOnce) {
  const auto home = here();
  const auto id = pinned("moved");
  const auto fd = open_netns("/run/netns/moved").value();
  {
    auto first = NetnsGuard::enter(fd.get()).value();
    {
      const NetnsGuard second(std::move(first));
      EXPECT_EQ(here(), id);
    }
    EXPECT_EQ(here(), home);
  }
  EXPECT_EQ(here(), home);
  ASSERT_OK(unpin(kPlace, space_name("moved")));
}

TEST_F(Netns, AStaleFileIsNoNamespaceAndIsTakenOver) {
  const auto path = kPlace.pin("stale");
  { const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)); }
  ASSERT_FALSE(open_netns(path));
  EXPECT_EQ(open_netns(path).error().code, Code::not_found);
  EXPECT_TRUE(listed("stale"));
  const auto id = pinned("stale");
  EXPECT_EQ(netns_id(path), id);
  ASSERT_OK(unpin(kPlace, space_name("stale")));
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST_F(Netns, OtherKindsOfNamespacesAndFilesAreRefused) {
  for (const auto* path :
       {"/proc/self/ns/mnt", "/proc/self/ns/pid", "/dev/null", "/run", "/run/netns/gone"}) {
    const auto fd = open_netns(path);
    ASSERT_FALSE(fd) << path;
    EXPECT_EQ(fd.error().code, Code::not_found) << fd.error().what;
    EXPECT_NE(fd.error().what.find(path), std::string::npos);
  }
}

TEST_F(Netns, WhatIsNoNamespaceIsNotOpened) {
  const std::string fifo = "/run/fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  ::alarm(10);  // it would wait for somebody who writes
  const auto opened = open_netns(fifo);
  ::alarm(0);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::not_found);
  EXPECT_EQ(opened.error().what, "/run/fifo is no network namespace");
  // Nobody had it open for reading: a writer that does not wait is told so.
  EXPECT_LT(::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC), 0);
  EXPECT_EQ(errno, ENXIO);
  ::unlink(fifo.c_str());
}

TEST_F(Netns, ASymbolicLinkIsTakenOverAndNotFollowed) {
  for (const auto* target : {"/run/elsewhere", "/run/netns/outside", "/etc/hostname"}) {
    ASSERT_EQ(::symlink(target, "/run/netns/link"), 0);
    const auto before = netns_id(std::string(target));
    ASSERT_OK(pin_current(kPlace, space_name("link")));
    EXPECT_EQ(netns_id(std::string("/run/netns/link")), here());
    const auto after = netns_id(std::string(target));
    EXPECT_EQ(before.value_or(NetnsId{}), after.value_or(NetnsId{})) << target;
    ASSERT_OK(unpin(kPlace, space_name("link")));
  }
}

TEST_F(Netns, PinnedTwiceIsUnpinnedWhole) {
  const auto first = pinned("twice"), second = pinned("twice");
  EXPECT_NE(first, second);
  EXPECT_EQ(netns_id(kPlace.pin("twice")), second);
  ASSERT_OK(unpin(kPlace, space_name("twice")));
  EXPECT_FALSE(listed("twice"));
}

TEST_F(Netns, APinIsTheNamespaceOfTheThread) {
  ASSERT_OK(pin_current(kPlace, space_name("own")));
  EXPECT_EQ(netns_id(kPlace.pin("own")), here());
  ASSERT_OK(unpin(kPlace, space_name("own")));
}

TEST_F(Netns, PinsShowInOtherMountNamespaces) {
  // A process with mounts of its own, such as a service, must see what is pinned later.
  ASSERT_EQ(
      std::system("unshare -m --propagation slave sh -c 'touch /run/ready; while ! [ -e /run/go ]; do sleep "
                  "0.02; done; nsenter --net=/run/netns/late true && touch /run/seen' &"),
      0);
  ASSERT_TRUE(test::wait_until([] { return ::access("/run/ready", F_OK) == 0; }));
  pinned("late");
  { const UniqueFd go(::open("/run/go", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)); }
  EXPECT_TRUE(test::wait_until([] { return ::access("/run/seen", F_OK) == 0; }));
  ASSERT_OK(unpin(kPlace, space_name("late")));
}

TEST_F(Netns, PreparingIsIdempotent) {
  const auto mounts = [] { return read_file("/proc/self/mountinfo").value(); };
  const auto before = mounts();
  ASSERT_OK(prepare_pins(kPlace));
  EXPECT_EQ(mounts(), before);
}

}  // namespace
}  // namespace warren::sys
