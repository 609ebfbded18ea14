// SPDX-License-Identifier: GPL-2.0-or-later
// Who lands where, with which PAM code, and what the program that loaded the module sees of it.
#include <csignal>
#include <dlfcn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>

#include "pam_fixture.h"

namespace warren::pam_test {
namespace {

TEST_F(PamTest, InTheSpaceWhileTheSessionLasts) {
  Session session("alice");
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web1"));
  EXPECT_EQ(session.close(), PAM_SUCCESS);
  EXPECT_EQ(here(), host_);
  EXPECT_FALSE(helper_ran());
}

TEST_F(PamTest, ChildrenAreThereToo) {
  Session session("alice");
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(std::system("test $(stat -Lc %i /proc/self/ns/net) = $(stat -Lc %i /run/netns/web1)"), 0);
  session.close();
}

TEST_F(PamTest, WithoutASpaceItIsNotOurBusiness) {
  Session session("dave");
  EXPECT_EQ(session.account(), kIgnored);
  EXPECT_EQ(session.open(), kIgnored);
  EXPECT_EQ(here(), host_);
  EXPECT_FALSE(helper_ran());
}

TEST_F(PamTest, ByGroupThePrimaryOneFirst) {
  Session by_second("carol");
  ASSERT_EQ(by_second.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("shared"));
  by_second.close();
  member("g", "carol", "web2");
  Session by_primary("carol");
  ASSERT_EQ(by_primary.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web2"));
  by_primary.close();
  Session own_entry("alice");  // of team too
  ASSERT_EQ(own_entry.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web1"));
}

TEST_F(PamTest, ByHisNameWhenHeAndHisGroupsAreNoMembers) {
  member("d", "dave", "web1");
  member("d", "carol", "web1");  // of team, which is a member
  for (const auto& [user, space] : {std::pair("dave", "web1"), {"carol", "shared"}}) {
    Session session(user);
    ASSERT_EQ(session.open(), PAM_SUCCESS);
    EXPECT_EQ(here(), space_inode(space)) << user;
  }
}

TEST_F(PamTest, HisNameIsNotEnoughBeforeTheGroupsAreKnown) {
  member("d", "carol", "web1");
  fs::remove(kIndex / "ready");
  Session session("carol");
  EXPECT_EQ(session.open(), PAM_SYSTEM_ERR);
  EXPECT_EQ(here(), host_);
}

TEST_F(PamTest, RootSystemAccountsAndRescueGroupStayOnTheHost) {
  for (const auto* user : {"root", "sysacct", "rescuer"}) {
    Session session(user, "skip_group=nosuchgroup skip_group=rescue");
    EXPECT_EQ(session.account(), PAM_SUCCESS);
    EXPECT_EQ(session.open(), PAM_SUCCESS);
    EXPECT_EQ(here(), host_) << user;
  }
}

TEST_F(PamTest, RootSystemAccountsAndRescueGroupComeBackToTheHost) {
  for (const auto* user : {"root", "sysacct", "rescuer"}) {
    enter("/run/netns/web1");
    Session session(user, "skip_group=rescue");
    EXPECT_EQ(session.open(), PAM_SUCCESS);
    EXPECT_EQ(here(), host_) << user;
    EXPECT_EQ(session.close(), PAM_SUCCESS);
    EXPECT_EQ(here(), space_inode("web1")) << user;
  }
}

TEST_F(PamTest, RootComesInWhateverIsWrong) {
  fs::remove_all(kIndex);
  Session session("root");
  EXPECT_EQ(session.account(), PAM_SUCCESS);
  EXPECT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_FALSE(helper_ran());
}

TEST_F(PamTest, MinUidIsSet) {
  Session session("sysacct", "min_uid=300");
  EXPECT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("shared"));
  for (const auto& [user, options] : {std::pair{"alice", "min_uid=2002"}, std::pair{"root", "min_uid=0"}}) {
    Session other(user, options);
    EXPECT_EQ(other.open(), PAM_SUCCESS);
    EXPECT_EQ(here(), host_);
  }
}

TEST_F(PamTest, MinUidIsWhatTheIndexSays) {
  const auto place_of = [&](const std::string& user, const std::string& said,
                            const std::string& options = "") {
    fs::remove(kIndex / "min_uid");
    if (!said.empty()) fs::create_symlink(said, kIndex / "min_uid");
    Session session(user, options);
    EXPECT_EQ(session.open(), PAM_SUCCESS);
    const auto place = here();
    EXPECT_EQ(session.close(), PAM_SUCCESS);
    return place;
  };
  const auto web1 = space_inode("web1"), shared = space_inode("shared");
  EXPECT_EQ(place_of("sysacct", "300"), shared);
  EXPECT_EQ(place_of("sysacct", "1000"), host_);
  EXPECT_EQ(place_of("alice", "2002"), host_);
  EXPECT_EQ(place_of("alice", "2002", "min_uid=1000"), web1) << "its own option comes first";
  EXPECT_EQ(place_of("sysacct", "300", "min_uid=1000"), host_);
  for (const auto* none : {"", "300x", "-1", "99999999999", "/run/netns/web1"}) {
    EXPECT_EQ(place_of("sysacct", none), host_) << none << ": as from 1000 on";
    EXPECT_EQ(place_of("alice", none), web1) << none;
  }
}

TEST_F(PamTest, TheHostIsWhatTheIndexSays) {
  write_file(kIndex / "host", "");
  ASSERT_EQ(std::system("mount --bind /run/netns/shared /run/warren/sessions/host"), 0);
  Session session("root");
  EXPECT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("shared"));
  session.close();
  ASSERT_EQ(std::system("umount /run/warren/sessions/host"), 0);
  enter("/run/netns/web1");
  Session again("root");  // now a plain file: the first process knows better
  EXPECT_EQ(again.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), host_);
}

TEST_F(PamTest, FromOneSpaceToAnother) {
  enter("/run/netns/web1");
  Session session("bob");
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web2"));
  session.close();
  EXPECT_EQ(here(), space_inode("web1"));
}

TEST_F(PamTest, TwiceInOneStackIsOnce) {
  Session session("alice", "", 2);
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web1"));
  EXPECT_EQ(session.close(), PAM_SUCCESS);
  EXPECT_EQ(here(), host_);
}

TEST_F(PamTest, AlreadyThereStaysThere) {
  enter("/run/netns/web1");
  Session session("alice");
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  session.close();
  EXPECT_EQ(here(), space_inode("web1"));
}

TEST_F(PamTest, UnknownUser) {
  Session session("nobody-knows");
  EXPECT_EQ(session.open(), PAM_USER_UNKNOWN);
  EXPECT_EQ(session.account(), PAM_USER_UNKNOWN);
}

TEST_F(PamTest, NoNameLeadsOutOfTheIndex) {
  Session session("..");
  EXPECT_EQ(session.open(), kIgnored);
  EXPECT_EQ(here(), host_);
}

TEST_F(PamTest, BadOptionsLockNobodyOut) {
  Session session(
      "alice", "timeout=soon timeout=0 on_eror=host min_uid=-1 min_uid=9x helper=relative create=1 nonsense");
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web1"));
}

// ---- what is wrong in the index is refused, at once
// --------------------------------------------------------------

struct Trap {
  const char* name;
  const char* command;  ///< makes /run/trap
};

class Traps : public PamTest, public testing::WithParamInterface<Trap> {};

TEST_P(Traps, RefusedWithoutWaiting) {
  fs::remove_all("/run/trap");
  ASSERT_EQ(std::system(GetParam().command), 0);
  helper("exit 0");
  for (const bool direct : {false, true}) {
    fs::remove(kIndex / "u/alice");
    if (!direct) fs::create_symlink("/run/trap", kIndex / "u/alice");
    if (direct) fs::rename("/run/trap", kIndex / "u/alice");
    Session session("alice");
    EXPECT_EQ(session.account(), PAM_PERM_DENIED);
    EXPECT_EQ(session.open(), PAM_SYSTEM_ERR);
    EXPECT_EQ(here(), host_);
  }
}

INSTANTIATE_TEST_SUITE_P(Index, Traps,
                         testing::Values(Trap{"File", "echo text >/run/trap"},
                                         Trap{"Pipe", "mkfifo /run/trap"}, Trap{"Folder", "mkdir /run/trap"},
                                         Trap{"Loop", "ln -s trap /run/trap"},
                                         Trap{"Mounts", "ln -s /proc/self/ns/mnt /run/trap"},
                                         Trap{"Device", "mknod /run/trap c 5 0"},
                                         Trap{"Socket",
                                              "python3 -c 'import socket; "
                                              "socket.socket(socket.AF_UNIX).bind(\"/run/trap\")'"}),
                         [](const auto& trap) { return trap.param.name; });

// ---- the program that loads it notices nothing
// ---------------------------------------------------------------------

TEST_F(PamTest, LoadedAndUnloadedManyTimes) {
  for (int i = 0; i < 3; ++i) {
    void* const module = ::dlopen(PAM_WARREN, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(module, nullptr) << ::dlerror();
    for (const auto* name : {"pam_sm_acct_mgmt", "pam_sm_open_session", "pam_sm_close_session"})
      EXPECT_NE(::dlsym(module, name), nullptr) << name;
    EXPECT_EQ(::dlclose(module), 0);
  }
  EXPECT_EQ(::dlopen(PAM_WARREN, RTLD_NOW | RTLD_NOLOAD), nullptr) << "nothing holds it in the process";
}

TEST_F(PamTest, NoDescriptorIsLeft) {
  { Session(std::string("alice")).open(); }  // what libc and PAM open once
  enter("/proc/1/ns/net");
  const auto before = open_fds();
  for (const auto* user : {"alice", "carol", "dave", "root", "nobody-knows"}) {
    Session session(user);
    session.open();
    session.close();
  }
  { Session(std::string("alice")).open(); }  // never closed: pam_end() must do
  enter("/proc/1/ns/net");
  unready("alice");
  for (const auto* options : {"", "on_error=host", "timeout=50ms"}) {
    helper(*options == 't' ? "sleep 5" : "exit 1");
    Session session("alice", options);
    session.open();
    session.close();
  }
  EXPECT_EQ(open_fds(), before);
}

TEST_F(PamTest, OneDescriptorWhileOpenAndNoChildGetsIt) {
  { Session(std::string("bob")).open(); }
  enter("/proc/1/ns/net");
  Session session("alice");
  session.account();
  const auto before = open_fds();
  session.open();
  auto during = open_fds();
  for (const auto& [fd, what] : before) during.erase(fd);
  ASSERT_EQ(during.size(), 1U);
  EXPECT_TRUE(::fcntl(during.begin()->first, F_GETFD) & FD_CLOEXEC);
}

TEST_F(PamTest, ADescriptorThatTheProgramTookIsLeftAlone) {
  Session session("alice");
  session.account();
  const auto before = open_fds();
  session.open();
  auto during = open_fds();
  for (const auto& [fd, what] : before) during.erase(fd);
  ASSERT_EQ(during.size(), 1U);
  const int fd = during.begin()->first;
  ASSERT_EQ(::dup2(STDIN_FILENO, fd), fd);  // as after closefrom() and an open() of the program's own
  EXPECT_EQ(session.close(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web1")) << "there is no way back";
  EXPECT_GE(::fcntl(fd, F_GETFD), 0) << "the program's descriptor was closed";
  ::close(fd);
}

/// Everything of a process that a module could change by mistake.
std::string condition() {
  std::string text;
  for (char** variable = environ; *variable; ++variable) text += *variable + std::string("\n");
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0)
      text += std::to_string(number) + ":" +
              std::to_string(reinterpret_cast<std::uintptr_t>(action.sa_handler)) + ":" +
              std::to_string(action.sa_flags) + " ";
  }
  std::ifstream status("/proc/thread-self/status");
  for (std::string line; std::getline(status, line);)
    for (const auto* key : {"Umask", "Uid", "Gid", "Groups", "Threads", "Sig", "Shd", "Cap", "NoNew"})
      if (line.starts_with(key) && !line.starts_with("SigQ")) text += line + "\n";
  const auto limits = read_file("/proc/self/limits");
  return text + limits + fs::current_path().string() + std::to_string(::getpgrp()) +
         std::to_string(::alarm(0));
}

TEST_F(PamTest, TheProgramIsWhatItWas) {
  const auto before = condition();
  for (const auto* options : {"", "timeout=50ms", "private_etc on_error=host"}) {
    for (const auto* user : {"alice", "dave", "root"}) {
      helper("sleep 0.1; exit 1");
      if (*options) unready("alice");
      Session session(user, options);
      session.account();
      session.open();
      EXPECT_EQ(condition(), before) << user << " " << options;
      session.close();
      EXPECT_EQ(condition(), before) << user << " " << options;
    }
  }
}

TEST_F(PamTest, OnlyTheCallingThreadMoves) {
  ino_t inside = 0;
  std::thread([&] {
    Session session("alice");
    session.open();
    inside = here();
  }).join();
  EXPECT_EQ(inside, space_inode("web1"));
  EXPECT_EQ(here(), host_);
}

TEST_F(PamTest, ClosedWithoutPrivilegeIsQuiet) {
  const pid_t child = ::fork();
  if (child == 0) {
    Session session("alice");
    const bool opened = session.open() == PAM_SUCCESS && ::setgid(2001) == 0 && ::setuid(2001) == 0;
    const bool quiet = session.close() == PAM_SUCCESS && session.said().empty();
    ::_exit(opened && quiet && here() == space_inode("web1") ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(PamTest, OpenedWithoutPrivilegeIsRefused) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::chmod(kServices.c_str(), 0755);
    Session session("alice");
    const bool dropped = ::setgid(2001) == 0 && ::setuid(2001) == 0;
    ::_exit(dropped && session.account() == PAM_SUCCESS && session.open() == PAM_SYSTEM_ERR ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace warren::pam_test
