// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/id_map.h"
#include "model/service.h"
#include "model/space.h"

namespace warren::store {

class Database;

inline constexpr const char* kStorePath = "/var/lib/warren/warren.db";

/// A write transaction. Rolls back at scope end unless commit() succeeded. The Store must outlive it.
class Transaction {
 public:
  explicit Transaction(Database& db) : db_(&db) {}
  Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// On disk when this returns without error; nothing was changed when it returns one.
  [[nodiscard]] Status commit();

 private:
  Database* db_;
};

/// The desired state: one SQLite database. Several processes may have it open; each write waits its turn.
/// Every method may fail with one line that names the file and the remedy.
class Store {
 public:
  /// The addresses that a number stands for, to see whether they are taken.
  using AddressesOf = std::function<std::pair<Ip, std::optional<Ip>>(SpaceNumber)>;
  /// A forward and the space that holds it.
  using Held = std::pair<SpaceName, model::Forward>;

  /// Opens the store for reading and writing; makes it (directory 0700, file 0600) where there is none.
  [[nodiscard]] static Result<Store> open(const std::string& path);
  /// Opens it for commands that only read, changing nothing on disk. A missing file is an empty store.
  [[nodiscard]] static Result<Store> open_read_only(const std::string& path);

  /// False for an empty one that stands for a file that is missing, or that is no store yet.
  [[nodiscard]] bool is_on_disk() const;

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  ~Store();

  /// Waits up to 10 s for another writer. Transactions do not nest.
  [[nodiscard]] Result<Transaction> begin();

  /// The network from which IPv6 addresses derive, once it has been made.
  [[nodiscard]] Result<std::optional<Cidr>> ula();
  [[nodiscard]] Status set_ula(const Cidr& ula);

  /// Every space, sorted by number, forwards sorted. Both come from one snapshot.
  [[nodiscard]] Result<std::vector<model::Space>> load_all();
  [[nodiscard]] Result<std::optional<model::Space>> find(const SpaceName& name);
  [[nodiscard]] Result<std::optional<model::Space>> find(SpaceNumber number);
  [[nodiscard]] Result<std::size_t> count();

  /// Adds a space and its forwards. `ip4` and `ip6` are what it will really have: given or derived.
  /// Error: exists, naming who has the name, the number, the address or the port.
  [[nodiscard]] Status insert(const model::Space& space, const Ip& ip4, const std::optional<Ip>& ip6);
  /// Writes `nat` and the addresses of the space with this number. Error: not_found, exists.
  [[nodiscard]] Status update(const model::Space& space, const Ip& ip4, const std::optional<Ip>& ip6);
  /// Error: not_found.
  [[nodiscard]] Status set_state(SpaceNumber number, model::State state);
  /// Error: not_found.
  [[nodiscard]] Status set_adopted(SpaceNumber number, bool adopted);
  /// Forgets the space and its forwards. Error: not_found.
  [[nodiscard]] Status erase(SpaceNumber number);

  /// Error: not_found (no such space), exists (the same protocol, host address and first port stand already).
  /// Partial overlaps are for collision() to find first.
  [[nodiscard]] Status add_forward(SpaceNumber number, const model::Forward& forward);
  /// Error: not_found.
  [[nodiscard]] Status remove_forward(SpaceNumber number, const model::Forward& forward);

  /// A standing forward (those of spaces being removed count too) that cannot stand beside this one.
  [[nodiscard]] Result<std::optional<Held>> collision(const model::Forward& forward);
  /// Whose address this is.
  [[nodiscard]] Result<std::optional<SpaceName>> owner_of(const Ip& ip);
  /// Every forward that has this port of the host, of any protocol and host address.
  [[nodiscard]] Result<std::vector<Held>> forwards_of_port(Port port);
  /// What is taken within `range`, on whatever host address: sorted, apart from each other, clipped to
  /// `range`.
  [[nodiscard]] Result<std::vector<PortRange>> used_ports(Proto proto, PortRange range);

  /// Gives the next number after the one given last, up to `last`, then from the lowest again, so that a
  /// number rests as long as possible before it is given again. Passes over numbers whose addresses are
  /// taken. Error: failed, when none is left.
  [[nodiscard]] Result<SpaceNumber> allocate(SpaceNumber last, const AddressesOf& addresses_of);

  /// Every member with its space, sorted.
  [[nodiscard]] Result<std::vector<std::pair<model::Member, SpaceName>>> members();
  [[nodiscard]] Result<std::vector<model::Member>> members_of(SpaceNumber number);
  /// The space of which it was made a member; nothing where it was not, whatever spaces are called.
  [[nodiscard]] Result<std::optional<SpaceName>> space_of(const model::Member& member);
  /// Error: exists, naming the space whose member it is already; not_found (no such space).
  [[nodiscard]] Status add_member(SpaceNumber number, const model::Member& member);
  /// Error: not_found.
  [[nodiscard]] Status remove_member(SpaceNumber number, const model::Member& member);

  /// Every service, sorted by name.
  [[nodiscard]] Result<std::vector<model::Service>> services();
  /// Error: exists.
  [[nodiscard]] Status add_service(const model::Service& service);
  /// Error: not_found.
  [[nodiscard]] Status remove_service(const ServiceName& name);

  /// Every ID block, also those in quarantine, sorted by IDs.
  [[nodiscard]] Result<std::vector<model::IdBlock>> id_blocks();
  /// The block that he has; one in quarantine he had.
  [[nodiscard]] Result<std::optional<model::IdBlock>> block_of(const OwnerName& owner);
  /// Error: exists (the owner has one, or the IDs are taken). Overlaps are for model::check_free to find
  /// first.
  [[nodiscard]] Status add_block(const model::IdBlock& block);
  /// The owner's block is nobody's from `since` on, in quarantine. Error: not_found.
  [[nodiscard]] Status quarantine_block(const OwnerName& owner, std::int64_t since);
  /// Forgets the block that begins there. Error: not_found.
  [[nodiscard]] Status erase_block(std::uint32_t first);

  /// Every ID map, sorted by name.
  [[nodiscard]] Result<std::vector<model::IdMap>> id_maps();
  [[nodiscard]] Result<std::optional<model::IdMap>> id_map(const MapName& name);
  /// Error: exists.
  [[nodiscard]] Status add_map(const model::IdMap& map);
  /// Error: not_found; exists, while it is assigned.
  [[nodiscard]] Status remove_map(const MapName& name);

  /// The spaces to which a map, or an owner, was assigned, sorted by name.
  [[nodiscard]] Result<std::vector<std::pair<SpaceName, model::MapUse>>> map_uses();
  [[nodiscard]] Result<std::optional<model::MapUse>> map_use(SpaceNumber number);
  /// Error: not_found (no such space or map).
  [[nodiscard]] Status set_map_use(SpaceNumber number, const model::MapUse& use);
  /// Back to the default of the owner of the space's own name.
  [[nodiscard]] Status clear_map_use(SpaceNumber number);
  /// Adds a device, or puts it in the place of that with its index, with its addresses and its origin.
  [[nodiscard]] Status put_device(SpaceNumber number, const model::Device& device);
  /// The same, but one that is not there any more does not come back.
  [[nodiscard]] Status change_device(SpaceNumber number, const model::Device& device);
  /// Error: not_found.
  [[nodiscard]] Status remove_device(SpaceNumber number, std::uint8_t index);

  /// Changes whenever another connection has committed something.
  [[nodiscard]] Result<std::int64_t> data_version();

 private:
  explicit Store(std::unique_ptr<Database> db);
  [[nodiscard]] Result<std::optional<SpaceName>> address_owner(const AddressesOf& addresses_of,
                                                               SpaceNumber number);
  [[nodiscard]] Result<std::optional<SpaceNumber>> first_free(SpaceNumber from, SpaceNumber to,
                                                              const AddressesOf& addresses_of);
  [[nodiscard]] Status insert_row(const model::Space& space, const Ip& ip4, const std::optional<Ip>& ip6);
  [[nodiscard]] Error who_has(Error error, const model::Space& space, const Ip& ip4,
                              const std::optional<Ip>& ip6);
  std::unique_ptr<Database> db_;
};

}  // namespace warren::store
