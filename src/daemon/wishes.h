// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <optional>
#include <string>

#include "daemon/roster.h"
#include "store/store.h"

namespace warren::daemon {

/// Reads what is wanted, again only when it has changed.
class WishReader {
 public:
  WishReader(Place place, std::string config) : place_(std::move(place)), config_(std::move(config)) {}

  /// The configuration file anew. The settings stay what they were where it has a fault.
  [[nodiscard]] Status reload();
  /// True: the wishes are others than before.
  [[nodiscard]] Result<bool> read();
  [[nodiscard]] const Wishes& wishes() const { return wishes_; }

 private:
  Place place_;
  std::string config_;
  std::optional<store::Store> store_;
  std::optional<std::int64_t> version_;
  std::optional<Cidr> configured_ula_;
  Wishes wishes_;
};

}  // namespace warren::daemon
