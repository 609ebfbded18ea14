// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace warren::netlink {

/// One attribute of a message that came from outside: bounded, never trusted.
struct AttrView {
  std::uint16_t type = 0;  ///< without the nested and byte-order bits
  std::span<const std::byte> payload;

  /// The payload as T; nothing when it is too short.
  template <class T>
  [[nodiscard]] std::optional<T> as() const {
    T value;
    if (payload.size() < sizeof value) return std::nullopt;
    std::memcpy(&value, payload.data(), sizeof value);
    return value;
  }
  /// Up to the first zero byte.
  [[nodiscard]] std::string_view text() const;
};

/// Walks the attributes in a span, and stops at the first that does not fit in it.
class AttrRange {
 public:
  explicit AttrRange(std::span<const std::byte> bytes) : bytes_(bytes) {}

  class Iterator {
   public:
    explicit Iterator(std::span<const std::byte> rest) : rest_(rest) { read(); }
    const AttrView& operator*() const { return current_; }
    const AttrView* operator->() const { return &current_; }
    Iterator& operator++() {
      rest_ = rest_.subspan(step_);
      read();
      return *this;
    }
    bool operator!=(const Iterator& end) const { return rest_.size() != end.rest_.size(); }

   private:
    void read();
    std::span<const std::byte> rest_;
    AttrView current_;
    std::size_t step_ = 0;
  };

  [[nodiscard]] Iterator begin() const { return Iterator(bytes_); }
  [[nodiscard]] Iterator end() const { return Iterator(bytes_.subspan(bytes_.size())); }

 private:
  std::span<const std::byte> bytes_;
};

/// A message's fixed header and attributes.
struct MessageView {
  std::uint16_t type = 0;
  std::span<const std::byte> payload;

  template <class Header>
  [[nodiscard]] std::optional<Header> header() const {
    Header value;
    if (payload.size() < sizeof value) return std::nullopt;
    std::memcpy(&value, payload.data(), sizeof value);
    return value;
  }
  template <class Header>
  [[nodiscard]] AttrRange attributes() const {
    const std::size_t skip = (sizeof(Header) + 3) & ~std::size_t{3};
    return AttrRange(payload.size() < skip ? std::span<const std::byte>{} : payload.subspan(skip));
  }
};

}  // namespace warren::netlink
