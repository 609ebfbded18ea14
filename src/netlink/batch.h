// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "types/ip.h"

struct nlmsghdr;

namespace warren::netlink {

class Batch;

/// Marks an attribute whose payload is more attributes, of scope Inner.
template <class Inner>
struct Nest {};

/// An attribute's place (Scope), number and payload type. Putting it elsewhere, or with another payload
/// type, does not compile.
template <class Scope, std::uint16_t Id, class T>
struct Attr {};

/// Appends attributes of one scope to the last message of a batch; closes its nest at scope end.
template <class Scope>
class Writer {
 public:
  explicit Writer(Batch& batch, std::size_t nest = 0) : batch_(batch), nest_(nest) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  template <std::uint16_t Id, class T>
  Writer& put(Attr<Scope, Id, T>, const std::type_identity_t<T>& value);
  template <std::uint16_t Id, class Inner>
  [[nodiscard]] Writer<Inner> nest(Attr<Scope, Id, Nest<Inner>>);
  /// An attribute whose number is only known at run time, as the entries of IFLA_INET_CONF are.
  Writer& put_at(std::uint16_t id, std::uint32_t value);
  /// A fixed header inside a nest, as VETH_INFO_PEER has.
  template <class Header>
  Writer& raw(const Header& header);

 private:
  Batch& batch_;
  std::size_t nest_;  ///< offset of the attribute to close, 0 for none
};

/// Names go to the kernel with their terminating zero.
[[nodiscard]] inline std::string_view with_zero(const std::string& text) {
  return {text.c_str(), text.size() + 1};
}

/// Requests that go to the kernel in one send. They are not a transaction: each succeeds or fails alone.
class Batch {
 public:
  /// Begins a request with its fixed header; `what` (a literal) names it when it fails.
  template <class Scope, class Header>
  [[nodiscard]] Writer<Scope> add(std::uint16_t type, std::uint16_t flags, const Header& header,
                                  std::string_view what) {
    begin(type, flags, what);
    append(&header, sizeof header);
    return Writer<Scope>(*this);
  }

  [[nodiscard]] bool empty() const { return requests_.empty(); }
  void clear();

  void put(std::uint16_t type, const void* data, std::size_t size);
  void append(const void* data, std::size_t size);
  [[nodiscard]] std::size_t open_nest(std::uint16_t type);
  void close_nest(std::size_t offset);

 private:
  friend class Socket;
  struct Request {
    std::size_t offset;
    std::string_view what;
  };
  void begin(std::uint16_t type, std::uint16_t flags, std::string_view what);
  nlmsghdr* grow(std::size_t more);
  [[nodiscard]] std::size_t end_of(std::size_t request) const;

  std::vector<std::byte> buffer_;
  std::vector<Request> requests_;
};

template <class Scope>
Writer<Scope>::~Writer() {
  if (nest_ != 0) batch_.close_nest(nest_);
}

template <class Scope>
template <std::uint16_t Id, class T>
Writer<Scope>& Writer<Scope>::put(Attr<Scope, Id, T>, const std::type_identity_t<T>& value) {
  if constexpr (std::is_same_v<T, std::string_view>) {
    batch_.put(Id, value.data(), value.size());
  } else if constexpr (std::is_same_v<T, Ip>) {
    batch_.put(Id, value.data(), value.size());
  } else if constexpr (std::is_same_v<T, std::span<const std::byte>>) {
    batch_.put(Id, value.data(), value.size());
  } else {
    static_assert(std::is_trivially_copyable_v<T>);
    batch_.put(Id, &value, sizeof value);
  }
  return *this;
}

template <class Scope>
template <std::uint16_t Id, class Inner>
Writer<Inner> Writer<Scope>::nest(Attr<Scope, Id, Nest<Inner>>) {
  return Writer<Inner>(batch_, batch_.open_nest(Id));
}

template <class Scope>
Writer<Scope>& Writer<Scope>::put_at(std::uint16_t id, std::uint32_t value) {
  batch_.put(id, &value, sizeof value);
  return *this;
}

template <class Scope>
template <class Header>
Writer<Scope>& Writer<Scope>::raw(const Header& header) {
  batch_.append(&header, sizeof header);
  return *this;
}

}  // namespace warren::netlink
