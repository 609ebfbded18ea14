// SPDX-License-Identifier: GPL-2.0-or-later
// The store as a file: crashes, several processes, damage, full and read-only disks.
#include <chrono>
#include <fstream>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "store/meta.h"
#include "store/spaces.h"
#include "store_fixture.h"

namespace warren::store {
namespace {

TEST_F(StoreTest, MakesDirectoryAndFileForRootOnly) {
  ASSERT_TRUE(Store::open(path_));
  const auto mode = [](const fs::path& path) {
    return static_cast<unsigned>(fs::status(path).permissions());
  };
  EXPECT_EQ(mode(dir_ + "/lib"), 0700U);
  EXPECT_EQ(mode(path_), 0600U);
  for (const auto& entry : fs::directory_iterator(dir_ + "/lib"))
    EXPECT_EQ(mode(entry.path()), 0600U) << entry;
}

TEST_F(StoreTest, MakesMissingParents) { EXPECT_TRUE(Store::open(dir_ + "/a/b/c/warren.db")); }

TEST_F(StoreTest, ATransactionIsAllOrNothing) {
  auto store = open();
  {
    auto change = store.begin().value();
    ASSERT_TRUE(insert(store, space(2, "a", {tcp(80)})));
    EXPECT_EQ(store.spaces().count().value(), 1U);
  }
  EXPECT_EQ(store.spaces().count().value(), 0U);
  EXPECT_EQ(store.spaces().allocate(10, derived()).value(), 2) << "the number is not used up either";
  auto change = store.begin().value();
  ASSERT_TRUE(insert(store, space(2, "a")));
  ASSERT_TRUE(change.commit());
  EXPECT_EQ(store.spaces().count().value(), 1U);
  EXPECT_TRUE(store.begin()) << "the next one may begin";
}

TEST_F(StoreTest, MovesKeepTheTransaction) {
  auto store = open();
  auto begun = store.begin().value();
  auto change = std::move(begun);
  auto moved = std::move(store);
  ASSERT_TRUE(insert(moved, space(2, "a")));
  ASSERT_TRUE(change.commit());
  EXPECT_EQ(moved.spaces().count().value(), 1U);
}

/// Does `work` in a process that dies without any clean-up.
template <class Work>
void killed(Work work) {
  const pid_t child = ::fork();
  if (child == 0) {
    work();
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_F(StoreTest, ACrashKeepsWhatWasCommittedAndNothingElse) {
  killed([&] {
    auto store = Store::open(path_).value();
    auto change = store.begin().value();
    (void)insert(store, space(2, "kept"));
    (void)change.commit();
    auto next = store.begin().value();
    (void)insert(store, space(3, "lost"));
    ::kill(::getpid(), SIGKILL);
  });
  EXPECT_EQ(Store::open_read_only(path_)->spaces().all().value(), std::vector{space(2, "kept")});
  EXPECT_EQ(open().spaces().all().value(), std::vector{space(2, "kept")});
}

TEST_F(StoreTest, ACrashInTheMiddleOfMakingItIsMended) {
  fs::create_directory(dir_ + "/lib");
  std::ofstream(path_).close();  // the file is there, nothing in it
  EXPECT_EQ(Store::open_read_only(path_)->spaces().count().value(), 0U);
  auto store = open();
  EXPECT_TRUE(insert(store, space(2, "a")));
}

TEST_F(StoreTest, TheFileAloneIsAWholeDatabase) {
  open();
  fs::remove(path_ + "-wal");
  fs::remove(path_ + "-shm");
  EXPECT_EQ(open().spaces().count().value(), 0U);
}

TEST_F(StoreTest, TheLogStaysSmallOverManyProcesses) {
  for (SpaceNumber number = 2; number < 100; ++number) {
    auto store = open();
    ASSERT_TRUE(insert(store, space(number, fmt::format("s{}", number), {tcp(number)})));
  }
  EXPECT_LT(fs::file_size(path_ + "-wal"), 1U << 20);
  EXPECT_EQ(open().spaces().all()->size(), 98U);
}

TEST_F(StoreTest, AMissingFileReadsAsEmptyAndIsNotMade) {
  auto store = Store::open_read_only(path_).value();
  EXPECT_TRUE(store.spaces().all()->empty());
  EXPECT_EQ(store.meta().ula().value(), std::nullopt);
  EXPECT_FALSE(fs::exists(dir_ + "/lib"));
}

TEST_F(StoreTest, ReadOnlyCannotWrite) {
  open();
  auto store = Store::open_read_only(path_).value();
  EXPECT_NE(reason(insert(store, space(2, "a"))).find(path_ + ": it cannot be written"), std::string::npos);
}

TEST_F(StoreTest, TwoAtOnceSeeEachOther) {
  auto one = open();
  auto two = open();
  const auto before = two.data_version().value();
  EXPECT_EQ(two.data_version().value(), before);
  ASSERT_TRUE(insert(one, space(2, "a")));
  EXPECT_NE(two.data_version().value(), before);
  EXPECT_EQ(two.spaces().find(name("a")).value(), space(2, "a"));
}

TEST_F(StoreTest, AReaderKeepsItsSnapshotAndStopsNoWriter) {
  auto writer = open();
  auto reader = Store::open_read_only(path_).value();
  auto change = writer.begin().value();
  ASSERT_TRUE(insert(writer, space(2, "a")));
  EXPECT_EQ(reader.spaces().count().value(), 0U);
  ASSERT_TRUE(change.commit());
  EXPECT_EQ(reader.spaces().count().value(), 1U);
}

TEST_F(StoreTest, WritersWaitForEachOther) {
  auto one = open();
  auto change = one.begin().value();
  ASSERT_TRUE(insert(one, space(2, "a")));
  std::thread other([&] {
    auto two = Store::open(path_).value();
    EXPECT_TRUE(insert(two, space(3, "b")));
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_TRUE(change.commit());
  other.join();
  EXPECT_EQ(one.spaces().count().value(), 2U);
}

TEST_F(StoreTest, ManyProcessesMakeAndFillItAtOnce) {
  constexpr int kProcesses = 20;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    const auto work = [&]() -> Status {
      auto store = TRY(Store::open(path_));
      auto change = TRY(store.begin());
      const auto number = TRY(store.spaces().allocate(kLastNumber, derived()));
      TRY(insert(store, space(number, fmt::format("p{}", i))));
      return change.commit();
    };
    const auto done = work();
    if (!done) std::fprintf(stderr, "%s\n", done.error().what.c_str());
    ::_exit(done ? 0 : 1);
  }
  for (const auto child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const auto all = open().spaces().all().value();
  ASSERT_EQ(all.size(), std::size_t{kProcesses});
  EXPECT_EQ(all.back().number, kProcesses + 1);
}

TEST_F(StoreTest, ANewerStoreIsLeftAlone) {
  open();
  raw("PRAGMA user_version = 7");
  for (const auto& what : {reason(Store::open(path_)), reason(Store::open_read_only(path_))})
    EXPECT_EQ(what, "store " + path_ +
                        " was written by a newer warren (schema 7, this one knows 2): upgrade warren");
}

TEST_F(StoreTest, AnotherProgramsDatabaseIsLeftAlone) {
  fs::create_directory(dir_ + "/lib");
  raw("CREATE TABLE mine(x)");
  EXPECT_EQ(reason(Store::open(path_)), "store " + path_ + " is another program's database: move it away");
  raw("SELECT * FROM mine");
}

TEST_F(StoreTest, GarbageIsNamedWithTheRemedy) {
  fs::create_directory(dir_ + "/lib");
  for (const std::size_t size : {50, 600, 100'000}) {
    std::ofstream(path_) << std::string(size, 'x');
    for (const auto& what : {reason(Store::open(path_)), reason(Store::open_read_only(path_))})
      EXPECT_EQ(what,
                fmt::format("store {} is damaged (file is not a database): move {}* away and `warren apply` "
                            "your last export",
                            path_, path_))
          << size;
  }
}

TEST_F(StoreTest, ATruncatedFileIsNamedWithTheRemedy) {
  {
    auto store = open();
    auto change = store.begin().value();
    for (SpaceNumber n = 2; n < 500; ++n)
      ASSERT_TRUE(insert(store, space(n, fmt::format("s{}", n), {tcp(n)})));
    ASSERT_TRUE(change.commit());
  }
  raw("PRAGMA wal_checkpoint(TRUNCATE)");
  fs::resize_file(path_, fs::file_size(path_) / 2);
  const auto all = [&]() -> Result<std::vector<Space>> { return TRY(Store::open(path_)).spaces().all(); }();
  EXPECT_NE(reason(all).find(" is damaged ("), std::string::npos) << reason(all);
  EXPECT_EQ(code(all), Code::failed);
}

TEST_F(StoreTest, ImpossibleValuesAreDamage) {
  for (const auto* sql :
       {"UPDATE space SET name = 'a b'", "UPDATE space SET state = 9", "UPDATE forward SET proto = 1",
        "UPDATE forward SET host = x'010203'", "UPDATE forward SET last = 0",
        "UPDATE forward SET to_port = 65536", "PRAGMA foreign_keys = OFF; DELETE FROM space",
        "UPDATE space SET ip6_given = 1, ip6 = NULL"}) {
    fs::remove_all(dir_ + "/lib");
    {
      auto store = open();
      ASSERT_TRUE(insert(store, space(2, "a", {tcp(80)})));
    }
    raw(sql);
    EXPECT_NE(reason(open().spaces().all()).find(" is damaged ("), std::string::npos) << sql;
  }
}

TEST_F(StoreTest, ADirectoryInItsPlace) {
  fs::create_directories(path_);
  EXPECT_EQ(reason(Store::open(path_)), "store " + path_ + " is a directory: move it away");
  EXPECT_NE(reason(Store::open_read_only(path_)), "(no error)");
}

TEST_F(StoreTest, AFileInPlaceOfItsDirectory) {
  std::ofstream(dir_ + "/lib") << "x";
  EXPECT_NE(reason(Store::open(path_)).find("store " + path_), std::string::npos);
}

/// A file system of its own under the test's directory, in a mount namespace that only this process sees.
class StoreOnMount : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount";
    static const bool apart =
        ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    if (!apart || ::mount("none", dir_.c_str(), "tmpfs", 0, "size=512k") != 0)
      GTEST_SKIP() << "cannot mount here";
  }
  void remount(unsigned long flags) const {
    ASSERT_EQ(::mount("none", dir_.c_str(), nullptr, MS_REMOUNT | flags, "size=512k"), 0);
  }
};

TEST_F(StoreOnMount, AFullDiskChangesNothing) {
  auto store = open();
  ASSERT_TRUE(insert(store, space(2, "a")));
  Status refused;
  for (SpaceNumber n = 3; n < 5000 && refused; ++n) {
    auto change = store.begin().value();
    refused = insert(store, space(n, fmt::format("s{}", n), {tcp(n)}));
    if (refused) refused = change.commit();
  }
  EXPECT_EQ(reason(refused), "store " + path_ + ": the disk is full; nothing was changed: free some space");
  const auto count = store.spaces().count().value();
  EXPECT_EQ(store.spaces().all().value().size(), count);
  EXPECT_EQ(open().spaces().all().value().size(), count);
  EXPECT_TRUE(Store::open_read_only(path_)->spaces().find(name("a")).value());
}

TEST_F(StoreOnMount, AFullDiskFromTheStart) {
  std::ofstream(dir_ + "/filler") << std::string(1 << 20, 'x');
  EXPECT_EQ(reason(Store::open(path_)),
            "store " + path_ + ": the disk is full; nothing was changed: free some space");
  fs::remove(dir_ + "/filler");
  EXPECT_TRUE(Store::open(path_));
}

TEST_F(StoreOnMount, AReadOnlyDiskCanBeRead) {
  {
    auto store = open();
    ASSERT_TRUE(insert(store, space(2, "a")));
  }
  remount(MS_RDONLY);
  EXPECT_EQ(reason(Store::open(path_)),
            "store " + path_ + ": cannot be opened for writing: Read-only file system");
  EXPECT_EQ(Store::open_read_only(path_)->spaces().all().value(), std::vector{space(2, "a")});
}

TEST_F(StoreOnMount, NothingIsMadeOnAReadOnlyDisk) {
  remount(MS_RDONLY);
  EXPECT_NE(reason(Store::open(path_)).find("store " + path_), std::string::npos);
  EXPECT_EQ(Store::open_read_only(path_)->spaces().count().value(), 0U);
}

}  // namespace
}  // namespace warren::store
