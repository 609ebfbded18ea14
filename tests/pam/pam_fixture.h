// SPDX-License-Identifier: GPL-2.0-or-later
// Users, namespaces, the index and PAM services of their own for the tests of the module, in the throw-away
// host.
#pragma once

#include <chrono>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <sched.h>
#include <security/pam_appl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace warren::pam_test {

namespace fs = std::filesystem;
inline const fs::path kIndex = "/run/warren/sessions";
inline const fs::path kServices = "/run/pam_test.d";
inline const std::string kHelper = "/run/helper";

inline ino_t inode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}
/// The calling thread's network namespace.
inline ino_t here() { return inode_of("/proc/thread-self/ns/net"); }
inline ino_t space_inode(const std::string& name) { return inode_of("/run/netns/" + name); }

inline void enter(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_GE(fd, 0) << path;
  EXPECT_EQ(::setns(fd, CLONE_NEWNET), 0);
  ::close(fd);
}

inline void write_file(const fs::path& path, const std::string& text, bool append = false) {
  std::ofstream(path, append ? std::ios::app : std::ios::trunc) << text;
}
inline std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Number -> what it is, of every open descriptor.
inline std::map<int, std::string> open_fds() {
  std::map<int, std::string> found;
  DIR* const dir = ::opendir("/proc/self/fd");
  while (const auto* entry = ::readdir(dir)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == ::dirfd(dir)) continue;
    std::error_code error;
    found[fd] = fs::read_symlink("/proc/self/fd/" + std::string(entry->d_name), error);
  }
  ::closedir(dir);
  return found;
}

/// What the module said to the user.
struct Said {
  std::string text;

  static int converse(int count, const pam_message** messages, pam_response** replies, void* said) {
    for (int i = 0; i < count; ++i) static_cast<Said*>(said)->text += messages[i]->msg;
    *replies = static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof **replies));
    return PAM_SUCCESS;
  }
};

/// What a Session gives for the module's PAM_IGNORE, which PAM itself never hands out.
inline constexpr int kIgnored = PAM_ACCT_EXPIRED;

/// A handle for a service of which the module alone decides; `lines` of it stand there.
class Session {
 public:
  explicit Session(const std::string& user, const std::string& options = "", int lines = 1) {
    std::string text;
    for (const std::string phase : {"account", "session"}) {
      for (int i = lines; i > 0; --i)
        text += phase + " [success=" + std::string(i > 1 ? "ok" : "1") +
                " ignore=ignore default=die] " PAM_WARREN " helper=" + kHelper + " " + options + "\n";
      text += phase + " [default=die] pam_debug.so acct=acct_expired open_session=acct_expired\n";
      text += phase + " required pam_permit.so\n";
    }
    write_file(kServices / "test", text);
    EXPECT_EQ(pam_start_confdir("test", user.c_str(), &conversation_, kServices.c_str(), &handle_),
              PAM_SUCCESS);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { pam_end(handle_, PAM_SUCCESS); }

  int account() { return pam_acct_mgmt(handle_, 0); }
  int open(int flags = 0) { return pam_open_session(handle_, flags); }
  int close() { return pam_close_session(handle_, 0); }
  [[nodiscard]] const std::string& said() const { return said_.text; }

 private:
  Said said_;
  pam_conv conversation_{Said::converse, &said_};
  pam_handle_t* handle_ = nullptr;
};

/// alice and bob with spaces web1 and web2 by user; carol by her second group; dave has none; sys is a system
/// account, rescuer in the rescue group. Each test starts in the host's namespace, and is brought back there.
class PamTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!std::getenv("WARREN_TEST_HOST")) return;
    write_file("/etc/passwd",
               "alice:x:2001:2001::/:/bin/sh\nbob:x:2002:2002::/:/bin/sh\ncarol:x:2003:2003::/:/bin/sh\n"
               "dave:x:2004:2004::/:/bin/sh\nsysacct:x:300:300::/:/bin/sh\nrescuer:x:2005:2005::/:/bin/sh\n"
               "..:x:2006:2006::/:/bin/sh\n",
               true);
    write_file("/etc/group",
               "alice:x:2001:\nbob:x:2002:\ncarol:x:2003:\ndave:x:2004:\nsysacct:x:300:\nrescuer:x:2005:\n"
               "team:x:2100:carol,alice\ncrew:x:2101:carol\nrescue:x:2102:rescuer\n",
               true);
    for (const auto* name : {"web1", "web2", "shared"}) {
      if (!space_inode(name)) {
        ASSERT_EQ(std::system(("ip netns add " + std::string(name)).c_str()), 0);
      }
    }
    fs::create_directories(kServices);
    ASSERT_EQ(::setenv("UNCHANGED", "yes", 1), 0);
  }
  void SetUp() override {
    if (!std::getenv("WARREN_TEST_HOST")) GTEST_SKIP() << "runs in tests/lib/host.sh only";
    fs::remove_all(kIndex);
    fs::create_directories(kIndex / "u");
    fs::create_directories(kIndex / "g");
    fs::create_directories(kIndex / "d");
    write_file(kIndex / "ready", "");
    for (const auto* name : {"sysacct", "rescuer", "root"}) member("u", name, "shared");
    member("u", "alice", "web1");
    member("u", "bob", "web2");
    member("g", "team", "shared");
    helper("echo unexpected >>/run/helper.ran; exit 1");
    fs::remove("/run/helper.ran");
    host_ = here();
  }
  void TearDown() override {
    if (host_) enter("/proc/1/ns/net");
    EXPECT_NE(read_file("/proc/thread-self/status").find("SigBlk:\t0000000000000000"), std::string::npos);
  }
  static void member(const std::string& kind, const std::string& name, const std::string& space) {
    link(kind, name, "/run/netns/" + space);
  }
  static void link(const std::string& kind, const std::string& name, const fs::path& target) {
    fs::remove_all(kIndex / kind / name);
    fs::create_symlink(target, kIndex / kind / name);
  }
  static void unready(const std::string& name) { link("u", name, kIndex / "unready"); }
  /// What `helper=` runs: a shell script.
  static void helper(const std::string& body) {
    write_file(kHelper, "#!/bin/sh\n" + body + "\n");
    ::chmod(kHelper.c_str(), 0755);
  }
  static bool helper_ran() { return fs::exists("/run/helper.ran"); }

  ino_t host_ = 0;
};

/// How long it takes from here on, in milliseconds.
class Clock {
 public:
  [[nodiscard]] long ms() const {
    const auto took = std::chrono::steady_clock::now() - start_;
    return std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace warren::pam_test
