// SPDX-License-Identifier: GPL-2.0-or-later
// For the .cc files of this folder.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "model/space.h"
#include "store/database.h"

namespace warren::store {

/// A space and the key of its row, which is that of the rows that hang on it.
struct LoadedSpace {
  std::int64_t id;
  model::Space space;
};

/// The keys of the spaces whose rows are read.
struct IdSpan {
  std::int64_t first = std::numeric_limits<std::int64_t>::min();
  std::int64_t last = std::numeric_limits<std::int64_t>::max();
};

/// A row hangs on a space that was not loaded, for it is no tenant's. Error: the store is damaged, there is
/// none.
[[nodiscard]] Status check_other(Database& db, std::int64_t id);

/// Gives each of `spaces`, sorted by ID, its forwards and its devices. Error: the store is damaged.
[[nodiscard]] Status load_forwards(Database& db, IdSpan span, std::vector<LoadedSpace>& spaces);
[[nodiscard]] Status load_devices(Database& db, IdSpan span, std::vector<LoadedSpace>& spaces);

/// The devices that were loaded, sorted by the IDs of their spaces, and by index. Rows that hang on devices
/// come in the same order.
class LoadedDevices {
 public:
  void add(std::int64_t space, model::Device* device) { all_.push_back({space, device}); }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  void rewind() { next_ = 0; }
  /// The device, or null. What is asked for must not stand before what was asked for last.
  [[nodiscard]] model::Device* find(std::int64_t space, std::int64_t index);

 private:
  struct At {
    std::int64_t space;
    model::Device* device;
  };
  std::vector<At> all_;
  std::size_t next_ = 0;
};

/// What physical devices were on the host. Error: the store is damaged.
[[nodiscard]] Status load_origins(Database& db, IdSpan span, LoadedDevices& devices);

}  // namespace warren::store
