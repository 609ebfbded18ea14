// SPDX-License-Identifier: GPL-2.0-or-later
// Two engines of one process, each with a place and a network namespace of its own, know nothing of each
// other, nor of what is the host's.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sys/mount.h>
#include <sys/stat.h>

#include "engine/engine.h"
#include "engine/spaces.h"
#include "kernel_fixture.h"
#include "kinds/ids/registry.h"
#include "sys/file.h"
#include "sys/userns.h"

namespace warren {
namespace {

namespace fs = std::filesystem;

/// A host within the host: a namespace with a way out of its own, and a place below one directory.
class Side {
 public:
  Place place;

  explicit Side(const std::string& directory) : place(Place::below(directory)), directory_(directory) {
    const auto home = sys::NetnsGuard::enter(sys::current_netns().value().get()).value();
    EXPECT_TRUE(is_ok(sys::unshare_netns()));
    netns_ = sys::current_netns().value();
    EXPECT_EQ(
        std::system(
            "ip link set lo up && ip link add uplink type veth peer name far && ip link set uplink up &&"
            " ip link set far up &&"
            " ip address add 192.0.2.1/24 dev uplink && ip route add default via 192.0.2.254"),
        0);
  }
  Side(const Side&) = delete;
  Side& operator=(const Side&) = delete;
  ~Side() {
    engine_.reset();
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(place.netns, none)) unmount(entry.path());
    unmount(place.netns);
    unmount(place.in_run("sessions/host"));
    fs::remove_all(directory_);
  }

  /// Calls `work` with the calling thread in this side's namespace.
  template <class Work>
  auto here(Work work) const {
    const auto guard = sys::NetnsGuard::enter(netns_.get()).value();
    return work();
  }
  Status open() {
    return here([&]() -> Status {
      model::Settings settings;
      engine_.emplace(TRY(engine::Engine::open(place, settings)));
      return {};
    });
  }
  void close() { engine_.reset(); }
  Status run(const kinds::Operation& operation) {
    return here([&]() -> Status { return TRY(engine_->run(operation)).whole(); });
  }
  Status up() {
    return here([&]() -> Status { return TRY(engine_->up({space_name("web1")})).whole(); });
  }
  /// What check() finds, in one text.
  std::string faults() {
    return here([&] {
      const auto found = engine_->check();
      return found ? fmt::format("{}", fmt::join(*found, "\n")) : found.error().what;
    });
  }
  /// The name of each space that is wanted.
  std::vector<std::string> names() {
    std::vector<std::string> all;
    const auto desired = here([&] { return engine_->desired(); });
    EXPECT_TRUE(is_ok(desired));
    if (desired)
      for (const auto& space : desired->spaces) all.push_back(space.name.str());
    return all;
  }
  [[nodiscard]] bool has_link(std::string_view name) const {
    return here([&] {
             return netlink::link_index(netlink::Socket::open(NETLINK_ROUTE).value(), ifname(name));
           })
        .has_value();
  }
  /// Notes in a file of this side that it was called.
  void put_hook() const {
    const auto folder = place.config() + "/hooks.d/up";
    fs::create_directories(folder);
    std::ofstream(folder + "/10-note") << "#!/bin/sh\necho $WARREN_SPACE $WARREN_NETNS >>" << seen() << "\n";
    ::chmod((folder + "/10-note").c_str(), 0755);
  }
  [[nodiscard]] std::string seen() const { return directory_ + "/seen"; }

 private:
  static void unmount(const fs::path& path) {
    while (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) continue;
  }

  std::string directory_;
  UniqueFd netns_;
  std::optional<engine::Engine> engine_;
};

engine::SpaceRequest asked(std::string_view name, std::string_view port) {
  engine::SpaceRequest request;
  request.name = space_name(name);
  request.ports = {model::ForwardSpec::parse(port).value()};
  return request;
}

/// All that lies in the host's own place, a path each.
std::set<std::string> host_files() {
  std::set<std::string> all;
  const std::string store = fs::path(kPlace.store).parent_path();
  for (const auto& root : {kPlace.run, kPlace.netns, store, kPlace.config(), kPlace.in_etc("netns")}) {
    if (!fs::exists(root)) continue;
    all.insert(root);
    for (const auto& entry : fs::recursive_directory_iterator(root)) all.insert(entry.path());
  }
  return all;
}

class TwoPlaces : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped()) return;
    before_ = host_files();
    one_.emplace("/run/place-one");
    other_.emplace("/run/place-other");
  }
  void TearDown() override {
    if (IsSkipped()) return;
    EXPECT_EQ(host_files(), before_) << "the host's own place was touched";
    one_.reset(), other_.reset();
  }
  std::optional<Side> one_, other_;

 private:
  std::set<std::string> before_;
};

TEST_F(TwoPlaces, DoNotTouchEachOther) {
  ASSERT_OK(one_->open());
  ASSERT_OK(other_->open());  // which would wait for the first one's lock, were it the same
  ASSERT_OK(one_->run(engine::add_space(asked("web1", "6000:80"))));
  ASSERT_OK(other_->run(engine::add_space(asked("web1", "6000:80"))));
  ASSERT_OK(other_->run(engine::add_space(asked("db", "6001:80"))));
  EXPECT_EQ(one_->faults(), "");
  EXPECT_EQ(other_->faults(), "");
  const auto of_one = sys::netns_id(one_->place.pin("web1"));
  const auto of_other = sys::netns_id(other_->place.pin("web1"));
  ASSERT_TRUE(is_ok(of_one) && is_ok(of_other));
  EXPECT_NE(*of_one, *of_other);

  ASSERT_OK(one_->run(engine::remove_spaces({space_name("web1")})));
  EXPECT_TRUE(one_->names().empty());
  EXPECT_FALSE(one_->has_link("veth_web1_o"));
  EXPECT_FALSE(fs::exists(one_->place.pin("web1")));
  EXPECT_EQ(other_->names(), (std::vector<std::string>{"web1", "db"}));
  EXPECT_TRUE(other_->has_link("veth_web1_o"));
  EXPECT_EQ(sys::netns_id(other_->place.pin("web1")), *of_other);
  EXPECT_EQ(one_->faults(), "");
  EXPECT_EQ(other_->faults(), "");
}

TEST_F(TwoPlaces, FindAgainWhatIsTheirs) {
  for (auto* side : {&*one_, &*other_}) {
    ASSERT_OK(side->open());
    ASSERT_OK(side->run(engine::add_space(asked(side == &*one_ ? "web1" : "db", "6000:80"))));
    side->close();
    ASSERT_OK(side->open());
    EXPECT_EQ(side->faults(), "");
  }
  EXPECT_EQ(one_->names(), std::vector<std::string>{"web1"});
  EXPECT_EQ(other_->names(), std::vector<std::string>{"db"});
  ASSERT_TRUE(sys::netns_id(one_->place.pin("web1")));
  EXPECT_FALSE(sys::netns_id(one_->place.pin("db")));
}

TEST_F(TwoPlaces, HaveHooksOfTheirOwn) {
  one_->put_hook();
  for (auto* side : {&*one_, &*other_}) {
    ASSERT_OK(side->open());
    ASSERT_OK(side->run(engine::add_space(asked("web1", "6000:80"))));
  }
  EXPECT_EQ(sys::read_file(one_->seen()).value_or("nothing"), "web1 " + one_->place.pin("web1") + "\n");
  EXPECT_FALSE(fs::exists(other_->seen()));
}

/// Gives the space a map of its own, and a new namespace. Does that belong to a user namespace with the map's
/// IDs?
Result<bool> has_owner_of_its_own(Side& side) {
  TRY(side.open());
  TRY(side.run(engine::add_space(asked("web1", "6000:80"))));
  TRY(side.run(engine::take_down({space_name("web1")})));
  side.close();
  {
    auto registry = TRY(ids::IdRegistry::open(side.place, {}));
    const auto owner = TRY(OwnerName::parse("web1"));
    TRY(registry.allocate(owner, {}));
    TRY(registry.assign(space_name("web1"), {}, owner));
  }
  TRY(side.open());
  TRY(side.up());
  return sys::is_owned_by_other(TRY(sys::open_netns(side.place.pin("web1"))).get());
}

TEST_F(TwoPlaces, GiveAwayTheIdsOfTheMachineWhereTheseAreTheirs) {
  other_->place.own_userns = true;
  const auto given = has_owner_of_its_own(*one_);
  const auto kept = has_owner_of_its_own(*other_);
  ASSERT_OK(given);
  ASSERT_OK(kept);
  EXPECT_TRUE(*given);
  EXPECT_FALSE(*kept);
}

}  // namespace
}  // namespace warren
