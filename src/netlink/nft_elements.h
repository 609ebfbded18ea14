// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "netlink/socket.h"

namespace warren::netlink {

/// The fields of a key or a value of an nft set, one after the other, each padded to four bytes as the kernel
/// wants it.
class FieldBytes {
 public:
  /// Fields in network byte order. More than fit are a bug of the caller.
  FieldBytes& add(const void* data, std::size_t size);
  [[nodiscard]] std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }

 private:
  static constexpr std::size_t kMost = 32;  // of our sets: address . protocol . port, or interface . address
  std::array<std::byte, kMost> bytes_{};
  std::size_t size_ = 0;
};

/// One element to add or to delete. Empty where the set has no such part.
struct ElementBytes {
  FieldBytes key;
  FieldBytes key_end;  ///< of an interval
  FieldBytes data;     ///< of a map; deleting needs none
};

/// Changes to the elements of table `inet TABLE`, which the kernel makes all or none.
class ElementTransaction {
 public:
  explicit ElementTransaction(std::string table);
  void remove(const std::string& set, std::span<const ElementBytes> elements);
  void add(const std::string& set, std::span<const ElementBytes> elements);
  /// Errors: exists (of a map, with another value), not_found (the table, a set or an element).
  [[nodiscard]] Status commit(Socket& socket);

 private:
  void put(std::uint16_t type, std::uint16_t flags, std::string_view what, const std::string& set,
           std::span<const ElementBytes> elements);
  std::string table_;
  Batch batch_;
};

}  // namespace warren::netlink
