// SPDX-License-Identifier: GPL-2.0-or-later
// The helper: when it runs, with what, and what becomes of the login when it fails, hangs or makes noise.
#include <cerrno>
#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>

#include "pam_fixture.h"
#include "patience.h"

namespace warren::pam_test {
namespace {

/// For a script: makes the user ready in web1.
constexpr char kMakeReady[] =
    "ln -sfn /run/netns/web1 /run/warren/sessions/u/alice; echo ran \"$@\" >>/run/helper.ran";

using Helper = PamTest;

TEST_F(Helper, BuildsWhatIsNotReady) {
  unready("alice");
  helper(kMakeReady);
  Session session("alice");
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web1"));
  EXPECT_EQ(read_file("/run/helper.ran"), "ran up --member alice\n") << "once";
}

TEST_F(Helper, RunsWhereNothingIsKnownYet) {
  fs::remove_all(kIndex);
  helper("mkdir -p /run/warren/sessions/u; " + std::string(kMakeReady));
  Session session("alice");
  EXPECT_EQ(session.account(), PAM_SUCCESS);
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web1"));
  EXPECT_EQ(read_file("/run/helper.ran"), "ran up --member alice\n") << "once for both phases";
}

TEST_F(Helper, MaySayThatThereIsNoSpace) {
  fs::remove_all(kIndex);
  helper("mkdir -p /run/warren/sessions/u; touch /run/warren/sessions/ready");
  Session session("dave");
  EXPECT_EQ(session.open(), kIgnored);
}

TEST_F(Helper, MendsAPinThatIsAPlainFile) {
  write_file("/run/stale", "");
  link("u", "alice", "/run/stale");
  helper(kMakeReady);
  Session session("alice");
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web1"));
}

TEST_F(Helper, CreatesForAUserWithoutASpace) {
  helper("ln -s /run/netns/web2 /run/warren/sessions/u/dave; echo \"$@\" >/run/helper.ran");
  Session session("dave", "create");
  ASSERT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), space_inode("web2"));
  EXPECT_EQ(read_file("/run/helper.ran"), "up --member dave --create\n");
}

TEST_F(Helper, ThatCreatesNothingIsAnError) {
  helper("exit 0");
  Session session("dave", "create");
  EXPECT_EQ(session.open(), PAM_SYSTEM_ERR);
}

TEST_F(Helper, MayFailWhenTheSpaceIsReadyAllTheSame) {
  for (const auto* more : {"; exit 1", "; sleep 3600"}) {
    unready("alice");
    helper(kMakeReady + std::string(more));
    Session session("alice", "timeout=" + std::to_string(test::patience(1).count()) + "ms");
    EXPECT_EQ(session.open(), PAM_SUCCESS) << more;
    EXPECT_EQ(here(), space_inode("web1")) << more;
    session.close();
  }
}

TEST_F(Helper, FailureLeavesNobodyAStranger) {
  fs::remove_all(kIndex);
  helper("mkdir -p /run/warren/sessions/u; touch /run/warren/sessions/ready; exit 1");
  Session session("dave");
  EXPECT_EQ(session.open(), PAM_SYSTEM_ERR) << "what it left behind may be half of the truth";
}

TEST_F(Helper, FailureIsRefusedAndSaid) {
  unready("alice");
  for (const auto* body : {"exit 1", "exit 0", "kill -9 $$", "exec /nonexistent"}) {
    helper(body);
    Session session("alice");
    EXPECT_EQ(session.open(), PAM_SYSTEM_ERR) << body;
    EXPECT_EQ(session.account(), PAM_PERM_DENIED) << body;
    EXPECT_EQ(session.said(), "Your space is not ready.Your space is not ready.");
    EXPECT_EQ(here(), host_);
  }
  fs::remove(kHelper);
  Session session("alice");
  EXPECT_EQ(session.open(PAM_SILENT), PAM_SYSTEM_ERR) << "no such program";
  EXPECT_EQ(session.said(), "");
}

TEST_F(Helper, FailureOnTheHostWhereThatIsWanted) {
  unready("alice");
  Session session("alice", "on_error=host");
  EXPECT_EQ(session.account(), PAM_SUCCESS);
  EXPECT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), host_);
  enter("/run/netns/web2");
  Session from_space("alice", "on_error=host");
  EXPECT_EQ(from_space.open(), PAM_SUCCESS);
  EXPECT_EQ(here(), host_);
}

TEST_F(Helper, IsEndedWhenTheTimeIsUp) {
  unready("alice");
  helper("sleep 9870 & sleep 9880");  // a child of its own goes with it
  Session session("alice", "timeout=200ms");
  const Clock clock;
  EXPECT_EQ(session.open(), PAM_SYSTEM_ERR);
  EXPECT_GE(clock.ms(), 190);
  EXPECT_TRUE(test::wait_until([] { return std::system("pgrep -f 'sleep 98[78]0' >/dev/null") != 0; }));
}

TEST_F(Helper, DaemonsItLeavesDoNotHoldTheLoginUp) {
  unready("alice");
  helper(std::string(kMakeReady) + "; sleep 3600 &");  // keeps stderr open
  Session session("alice");
  EXPECT_EQ(session.open(), PAM_SUCCESS);
}

TEST_F(Helper, MayMakeMuchNoise) {
  unready("alice");
  helper("head -c 300000 /dev/zero >&2; " + std::string(kMakeReady));
  Session session("alice");
  EXPECT_EQ(session.open(), PAM_SUCCESS);
}

TEST_F(Helper, GetsNothingOfTheCaller) {
  unready("alice");
  helper(
      "exec >/run/helper.ran\n"
      "env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= -e ^OLDPWD=; pwd; umask; ulimit -f\n"
      "stat -Lc %i /proc/self/ns/net; ls /proc/$$/fd; readlink /proc/$$/fd/0\n"
      "grep -h -e SigBlk -e SigIgn /proc/self/status\n"
      "[ $(ps -o sid= -p $$) = $(ps -o sid= -p $PPID) ] && echo own session; id -u -r");
  enter("/run/netns/web2");
  const pid_t child = ::fork();
  if (child == 0) {  // as su has it: the real user is the caller, who chose limits
    Session session("alice");
    const rlimit small{64, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &small);
    ::signal(SIGTERM, SIG_IGN);
    ::umask(077);
    const int inherited = ::dup(0);  // without CLOEXEC
    ::_exit(::setresuid(2002, 0, 0) == 0 && inherited > 0 && session.open() == PAM_SYSTEM_ERR ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(
      read_file("/run/helper.ran"),
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/\n0022\nunlimited\n" +
          std::to_string(host_) +
          "\n0\n1\n10\n2\n/dev/null\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nown session\n0\n")
      << "(10 is the script, held by the shell)";
}

TEST_F(Helper, RunsForACallerWithoutStandardDescriptors) {
  unready("alice");
  helper(kMakeReady);
  const pid_t child = ::fork();
  if (child == 0) {
    Session session("alice");
    for (int fd = 0; fd < 3; ++fd) ::close(fd);
    const bool opened = session.open() == PAM_SUCCESS && here() == space_inode("web1");
    const bool still_closed = ::fcntl(0, F_GETFD) < 0 && ::fcntl(1, F_GETFD) < 0 && ::fcntl(2, F_GETFD) < 0;
    ::_exit(opened && still_closed ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// ---- the caller's own children
// ------------------------------------------------------------------------------------

volatile std::sig_atomic_t signals = 0;

/// As daemons do: takes whatever child has ended.
void reap(int) {
  signals = signals + 1;
  while (::waitpid(-1, nullptr, WNOHANG) > 0) continue;
}

TEST_F(Helper, TheCallersHandlerOfSigchldSeesNothing) {
  unready("alice");
  helper(kMakeReady);
  ::signal(SIGCHLD, reap);
  Session session("alice");
  EXPECT_EQ(session.open(), PAM_SUCCESS);
  EXPECT_EQ(signals, 0);
  ::signal(SIGCHLD, SIG_DFL);
}

TEST_F(Helper, TheCallerMayIgnoreSigchld) {
  unready("alice");
  helper("exit 1");
  ::signal(SIGCHLD, SIG_IGN);
  {
    Session failing("alice");
    EXPECT_EQ(failing.open(), PAM_SYSTEM_ERR) << "the exit code arrives";
    helper(kMakeReady);
    Session session("alice");
    EXPECT_EQ(session.open(), PAM_SUCCESS);
  }
  ::signal(SIGCHLD, SIG_DFL);
}

TEST_F(Helper, TheCallersChildrenAreLeftToHim) {
  unready("alice");
  helper("sleep 0.2; " + std::string(kMakeReady));
  const pid_t own = ::fork();
  if (own == 0) ::_exit(7);
  Session session("alice");
  EXPECT_EQ(session.open(), PAM_SUCCESS);
  int status = 0;
  EXPECT_EQ(::waitpid(-1, &status, 0), own);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(::waitpid(-1, &status, 0), -1) << "none of the helper's is left";
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace warren::pam_test
