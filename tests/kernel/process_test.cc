// SPDX-License-Identifier: GPL-2.0-or-later
// Processes and the one lock; that no descriptor of ours is inherited by what we start.
#include "sys/process.h"

#include <algorithm>
#include <fcntl.h>
#include <list>
#include <poll.h>
#include <set>
#include <signal.h>
#include <sstream>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/kernel.h"
#include "kernel_fixture.h"
#include "nft/runner.h"
#include "patience.h"
#include "rooms/room.h"
#include "store/spaces.h"
#include "store/store.h"
#include "sys/child.h"
#include "sys/daemonize.h"
#include "sys/file.h"
#include "sys/lock.h"

namespace warren::sys {
namespace {

class Processes : public HostTest {};

/// A child that runs `body` and ends; killed at scope end.
class Child {
 public:
  template <class F>
  explicit Child(F body) : pid_(::fork()) {
    if (pid_ != 0) return;
    body();
    ::_exit(0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (!reaped_) ::kill(pid_, SIGKILL), reap();
  }
  int reap() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    reaped_ = true;
    return status;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  bool reaped_ = false;
};

using test::wait_until;

TEST_F(Processes, AreListedWithTheirNamespace) {
  const Child child([] {
    if (unshare_netns()) ::pause();
  });
  const auto home = netns_id("/proc/self/ns/net").value();
  const auto path = fmt::format("/proc/{}/ns/net", child.pid());
  ASSERT_TRUE(wait_until([&] { return netns_id(path).value_or(home) != home; }));
  const auto all = processes().value();
  const auto find = [&](pid_t pid) { return std::ranges::find(all, pid, &Process::pid); };
  ASSERT_NE(find(child.pid()), all.end());
  EXPECT_EQ(find(child.pid())->netns, netns_id(path));
  ASSERT_NE(find(::getpid()), all.end());
  EXPECT_EQ(find(::getpid())->netns, home);
}

TEST_F(Processes, CommandsArePrintable) {
  const Child child([] {
    ::execl("/bin/sleep", "a\x1b[2Jb\nc", "60", nullptr);
    ::_exit(127);
  });
  ASSERT_TRUE(wait_until([&] { return command_of(child.pid()) == "a?[2Jb?c 60"; }))
      << command_of(child.pid());
  EXPECT_EQ(command_of(0x7ffffff0), "?");
}

TEST_F(Processes, HoldersOfASocketAreFound) {
  const auto fd = bound(SOCK_STREAM, ip("127.0.0.1"), 7777);
  struct stat info {};
  ASSERT_EQ(::fstat(fd.get(), &info), 0);
  const auto inode = static_cast<std::uint32_t>(info.st_ino);
  EXPECT_EQ(holders_of(inode, {1, ::getpid()}), std::vector{::getpid()});
  EXPECT_TRUE(holders_of(inode, {1}).empty());
}

TEST_F(Processes, AreEndedEvenIfTheyIgnoreTheRequest) {
  Child meek([] { ::pause(); }), stubborn([] {
    ::signal(SIGTERM, SIG_IGN);
    for (;;) ::pause();
  });
  const auto ignores = [&] {  // SIGTERM, by the 15th bit
    const auto status = read_file(fmt::format("/proc/{}/status", stubborn.pid())).value();
    return (std::stoull(status.substr(status.find("SigIgn:") + 7), nullptr, 16) & 0x4000) != 0;
  };
  ASSERT_TRUE(wait_until(ignores));
  ASSERT_OK(end_processes({meek.pid(), stubborn.pid(), 0x7ffffff0}));
  EXPECT_EQ(WTERMSIG(meek.reap()), SIGTERM);
  EXPECT_EQ(WTERMSIG(stubborn.reap()), SIGKILL);
}

TEST_F(Processes, AreEndedThoughTheyAreMoreThanDescriptors) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  std::list<Child> children;
  std::vector<pid_t> pids;
  for (int i = 0; i < 320; ++i) pids.push_back(children.emplace_back([] { ::pause(); }).pid());
  const rlimit few{300, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const auto ended = end_processes(pids);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_OK(ended);
  for (auto& child : children) EXPECT_EQ(WTERMSIG(child.reap()), SIGTERM);
}

TEST_F(Processes, WaitForAChildHasAnEnd) {
  const auto slow = ::fork();
  for (; slow == 0;) ::pause();
  ASSERT_GT(slow, 0);
  EXPECT_EQ(wait_for_child(slow, std::chrono::milliseconds(20)), std::nullopt);
  const auto status = end_child(slow);
  ASSERT_TRUE(status);
  EXPECT_EQ(WTERMSIG(*status), SIGKILL);
}

TEST_F(Processes, AreStartedWithStreamsByWhoHasNone) {
  const auto netns = current_netns();
  ASSERT_OK(netns);
  const std::string mark = "/run/streams-are-whole";
  ::unlink(mark.c_str());
  Child child([&] {
    for (const int fd : {0, 1, 2}) ::close(fd);
    const auto own = current_netns();  // lies where a stream is to be
    const auto started =
        start_detached({{"/bin/sh", "-c",
                         "[ -c /proc/$$/fd/0 ] && [ -c /proc/$$/fd/1 ] && [ -c /proc/$$/fd/2 ] && "
                         "mkdir " +
                             mark},
                        {},
                        own->get()});
    ::_exit(started ? 0 : 1);
  });
  EXPECT_EQ(WEXITSTATUS(child.reap()), 0);
  for (int i = 0; i < 500 && ::access(mark.c_str(), F_OK) != 0; ++i) ::usleep(10000);
  EXPECT_EQ(::rmdir(mark.c_str()), 0) << "a standard stream was not there";
}

class Lock : public HostTest {};

TEST_F(Lock, TwoProcessesTakeTurns) {
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  Child child([&] {
    const auto lock = WriterLock::take(kPlace);
    if (::write(ready[1], "x", 1) != 1) return;
    ::usleep(2000000);  // a waiter says so after one second
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  testing::internal::CaptureStderr();
  const auto lock = WriterLock::take(kPlace);
  const auto said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find(fmt::format("waiting for another warren to finish: PID {} (", child.pid())), said.npos)
      << said;
  ASSERT_OK(lock);
  ::close(ready[0]), ::close(ready[1]);
}

TEST_F(Lock, IsNotWaitedForForEver) {
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  Child child([&] {
    const auto lock = WriterLock::take(kPlace);
    if (::write(ready[1], "x", 1) == 1) ::pause();
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const auto lock = WriterLock::take(kPlace, std::chrono::milliseconds(100));
  // It came back at all: who waits for ever hangs here.
  ASSERT_FALSE(lock);
  EXPECT_NE(lock.error().what.find(fmt::format("PID {} (", child.pid())), std::string::npos)
      << lock.error().what;
  EXPECT_NE(lock.error().what.find("/run/warren/lock"), std::string::npos) << lock.error().what;
  ::kill(child.pid(), SIGKILL);
  EXPECT_TRUE(is_ok(WriterLock::take(kPlace))) << "what was given up took the lock along";
  ::close(ready[0]), ::close(ready[1]);
}

TEST_F(Lock, IsNotWaitedForByWhatItsHolderStarted) {
  int told[2];
  ASSERT_EQ(::pipe2(told, O_CLOEXEC), 0);
  const auto lock = WriterLock::take(kPlace);
  ASSERT_OK(lock);
  Child child([&] {
    Child grandchild([&] {
      const auto again = WriterLock::take(kPlace);
      const std::string text = again ? "it got the lock" : again.error().what;
      (void)!::write(told[1], text.data(), text.size());
    });
    (void)grandchild.reap();
  });
  pollfd answer{told[0], POLLIN, 0};
  ASSERT_EQ(::poll(&answer, 1, 5000), 1) << "it waits for us";
  char text[512];
  const auto size = ::read(told[0], text, sizeof text);
  ASSERT_GT(size, 0);
  EXPECT_NE(std::string(text, static_cast<std::size_t>(size)).find(fmt::format("PID {} (", ::getpid())),
            std::string::npos);
  ::close(told[0]), ::close(told[1]);
}

TEST_F(Lock, IsFreedByTheDeathOfItsHolder) {
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  Child child([&] {
    const auto lock = WriterLock::take(kPlace);
    if (::write(ready[1], "x", 1) == 1) ::pause();
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(child.pid(), SIGKILL);
  EXPECT_TRUE(is_ok(WriterLock::take(kPlace)));
  ::close(ready[0]), ::close(ready[1]);
}

/// What a program that we start finds open: a line each, without its own output and the listing itself.
std::string inherited() {
  int out[2];
  EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
  Child child([&] {
    ::dup2(out[1], 1);
    ::execl("/bin/ls", "ls", "-l", "/proc/self/fd", nullptr);
  });
  ::close(out[1]);
  std::string text, kept;
  char part[512];
  for (ssize_t size = 0; (size = ::read(out[0], part, sizeof part)) > 0;)
    text.append(part, static_cast<std::size_t>(size));
  ::close(out[0]);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto arrow = line.find(" -> ");
    if (arrow == line.npos || line.find("/proc/", arrow) != line.npos) continue;
    const auto entry = line.substr(line.rfind(' ', arrow - 1) + 1);
    if (!entry.starts_with("1 ")) kept += entry + "\n";
  }
  return kept;
}

class CloseOnExec : public HostTest {};

TEST_F(CloseOnExec, NothingOfOursIsInherited) {
  const auto before = inherited();
  ASSERT_OK(prepare_pins(kPlace));
  std::vector<netlink::Socket> sockets;
  for (const int protocol : {NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_SOCK_DIAG})
    sockets.push_back(netlink::Socket::open(protocol).value());
  EXPECT_EQ(inherited(), before) << "netlink";
  auto runner = nft::Runner::open().value();
  EXPECT_EQ(inherited(), before) << "nft";
  ASSERT_OK(runner.run("table ip x { }"));
  EXPECT_EQ(inherited(), before) << "nft, used";
  const auto netns = current_netns().value();
  const auto guard = NetnsGuard::enter(netns.get());
  EXPECT_EQ(inherited(), before) << "netns";
  const auto lock = WriterLock::take(kPlace).value();
  EXPECT_EQ(inherited(), before) << "lock";
  auto store = store::Store::open("/var/lib/warren/warren.db").value();
  ASSERT_OK(store.spaces().all());
  EXPECT_EQ(inherited(), before) << "store";
  rooms::RoomSource rooms(kPlace, {{space_name("r1"), rooms::RoomOrder::Kind::make, {}},
                                   {space_name("r2"), rooms::RoomOrder::Kind::make, {}}});
  const auto room = rooms.next();
  ASSERT_OK(room);
  EXPECT_EQ(inherited(), before) << "rooms";
  const auto file = open_file("/etc/hostname", O_RDONLY).value();
  ASSERT_OK(processes());
  EXPECT_EQ(inherited(), before) << "files";
}

class Rooms : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_OK(prepare_pins(kPlace));
  }
  static std::vector<rooms::RoomOrder> orders(std::size_t count, rooms::RoomOrder::Kind kind) {
    std::vector<rooms::RoomOrder> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back({space_name(fmt::format("room{}", i)), kind, {}});
    return all;
  }
  void TearDown() override {
    for (int i = 0; i < 100; ++i) (void)unpin(kPlace, space_name(fmt::format("room{}", i)));
  }
};

TEST_F(Rooms, AHundredAreMadeInOrderAndOpenedAgain) {
  const auto home = netns_id("/proc/thread-self/ns/net").value();
  std::set<NetnsId> seen;
  for (const auto kind : {rooms::RoomOrder::Kind::make, rooms::RoomOrder::Kind::open}) {
    rooms::RoomSource source(kPlace, orders(100, kind));
    for (int i = 0; i < 100; ++i) {
      auto room = source.next();
      ASSERT_OK(room) << i;
      const auto id = netns_id(room->netns.get()).value();
      EXPECT_EQ(netns_id(fmt::format("/run/netns/room{}", i)), id) << "in the order of the orders";
      EXPECT_EQ(netlink::dump_links(room->socket)->size(), 1U) << "its socket is inside: only lo";
      seen.insert(id);
    }
  }
  EXPECT_EQ(seen.size(), 100U) << "the second round opened the same ones";
  EXPECT_EQ(netns_id("/proc/thread-self/ns/net"), home);
}

TEST_F(Rooms, WhoeverLeavesEarlyLeavesNoThread) {
  for (int round = 0; round < 20; ++round) {
    rooms::RoomSource source(kPlace, orders(100, rooms::RoomOrder::Kind::make));
    for (int i = 0; i < round % 4; ++i) ASSERT_OK(source.next());
  }
}

TEST_F(Rooms, OneThatFailsDoesNotStopTheNext) {
  auto some = orders(3, rooms::RoomOrder::Kind::make);
  some[1].kind = rooms::RoomOrder::Kind::open;
  rooms::RoomSource source(kPlace, some);
  ASSERT_OK(source.next());
  const auto failed = source.next();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::not_found);
  ASSERT_OK(source.next());
}

TEST_F(Rooms, AdoptingPinsWhatIsThere) {
  const auto home = netns_id("/proc/self/ns/net").value();
  const auto netns = std::make_shared<const UniqueFd>(current_netns().value());
  rooms::RoomSource source(kPlace, {{space_name("room0"), rooms::RoomOrder::Kind::adopt, netns}});
  const auto room = source.next();
  ASSERT_OK(room);
  EXPECT_EQ(netns_id("/run/netns/room0"), home);
}

}  // namespace
}  // namespace warren::sys
