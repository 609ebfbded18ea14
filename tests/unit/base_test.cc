// SPDX-License-Identifier: GPL-2.0-or-later
// The tools that everything stands on: descriptors, errors.
#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace warren {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
UniqueFd any_fd() { return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

TEST(UniqueFd, ClosesOnceAndMoves) {
  auto first = any_fd();
  const int number = first.get();
  ASSERT_TRUE(first.valid());
  UniqueFd second(std::move(first));
  EXPECT_FALSE(first.valid());  // NOLINT(bugprone-use-after-move): that is the point
  EXPECT_EQ(second.get(), number);
  second.reset();
  EXPECT_FALSE(is_open(number));
  EXPECT_FALSE(second.valid());
  second.reset();
}

TEST(UniqueFd, AssignmentClosesTheFormerOne) {
  auto one = any_fd(), other = any_fd();
  const int former = one.get(), kept = other.get();
  one = std::move(other);
  EXPECT_FALSE(is_open(former));
  EXPECT_TRUE(is_open(kept));
  auto& self = one;
  one = std::move(self);
  EXPECT_TRUE(is_open(kept));
}

TEST(UniqueFd, ZeroIsADescriptor) {
  const int keep = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
  ::close(0);
  {
    const auto fd = any_fd();
    EXPECT_EQ(fd.get(), 0);
    EXPECT_TRUE(fd.valid());
  }
  EXPECT_FALSE(is_open(0));
  if (keep >= 0) ::dup2(keep, 0), ::close(keep);
}

TEST(Error, WrapPutsContextInFront) {
  auto error = Error{Code::exists, EEXIST, "it stands"}.wrap("link").wrap("space web1");
  EXPECT_EQ(error.what, "space web1: link: it stands");
  EXPECT_EQ(error.code, Code::exists);
  EXPECT_EQ(error.sys, EEXIST);
}

TEST(Error, ErrnoBecomesACode) {
  const struct {
    int sys;
    Code code;
  } table[] = {{ENOENT, Code::not_found},
               {ENODEV, Code::not_found},
               {ESRCH, Code::not_found},
               {EEXIST, Code::exists},
               {EPERM, Code::permission},
               {EACCES, Code::permission},
               {EOPNOTSUPP, Code::unsupported},
               {EAFNOSUPPORT, Code::unsupported},
               {EPROTONOSUPPORT, Code::unsupported},
               {EIO, Code::failed},
               {ENOSPC, Code::failed},
               {EROFS, Code::failed},
               {EINVAL, Code::failed}};
  for (const auto& [sys, code] : table) EXPECT_EQ(code_of(sys), code) << sys;
  const auto error = fail_errno(ENOENT, "open /x").error();
  EXPECT_EQ(error.what, "open /x: No such file or directory");
  EXPECT_EQ(error.sys, ENOENT);
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Code::usage, "odd");
  return value / 2;
}
Result<int> quarter(int value) { return half(TRY(half(value))); }
Result<int> named(int value) { return TRY_WRAP("value", half(value)); }

TEST(Try, GivesTheValueOrLeaves) {
  EXPECT_EQ(quarter(12), 3);
  EXPECT_EQ(quarter(6).error().what, "odd");
  EXPECT_EQ(named(4), 2);
  EXPECT_EQ(named(5).error().what, "value: odd");
}

}  // namespace
}  // namespace warren
