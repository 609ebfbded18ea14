// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <initializer_list>

namespace warren {

/// A set of the values of an enumeration of at most 32, each a bit.
template <class E>
class SetOf {
 public:
  constexpr SetOf() = default;
  constexpr SetOf(std::initializer_list<E> values) {
    for (const auto value : values) bits_ |= bit(value);
  }
  [[nodiscard]] static constexpr SetOf of_bits(std::uint32_t bits) {
    SetOf set;
    set.bits_ = bits;
    return set;
  }
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  [[nodiscard]] constexpr bool has(E value) const { return (bits_ & bit(value)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  constexpr void set(E value, bool on = true) { bits_ = on ? bits_ | bit(value) : bits_ & ~bit(value); }
  [[nodiscard]] constexpr SetOf without(SetOf other) const { return of_bits(bits_ & ~other.bits_); }
  [[nodiscard]] constexpr SetOf with(SetOf other) const { return of_bits(bits_ | other.bits_); }
  [[nodiscard]] constexpr SetOf common(SetOf other) const { return of_bits(bits_ & other.bits_); }
  constexpr bool operator==(const SetOf&) const = default;

 private:
  static constexpr std::uint32_t bit(E value) { return std::uint32_t{1} << static_cast<unsigned>(value); }
  std::uint32_t bits_ = 0;
};

}  // namespace warren
