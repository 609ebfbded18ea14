// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

namespace warren::proxy {

inline constexpr std::uint32_t kNone = 0xffffffff;

/// Objects that are known by a small number and a generation, so that an event which comes after its object
/// has gone is seen to be stale. They never move. What is given back is reset to T{} and used again.
template <class T>
class Slab {
 public:
  [[nodiscard]] std::uint32_t take() {
    if (free_.empty()) {
      slots_.emplace_back();
      free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
    }
    const auto index = free_.back();
    free_.pop_back();
    slots_[index].live = true;
    ++live_;
    return index;
  }
  void give(std::uint32_t index) {
    auto& slot = slots_[index];
    slot.value = T{};
    slot.live = false;
    slot.generation = (slot.generation + 1) & kGenerationMask;
    free_.push_back(index);
    --live_;
  }
  [[nodiscard]] T& operator[](std::uint32_t index) { return slots_[index].value; }
  [[nodiscard]] const T& operator[](std::uint32_t index) const { return slots_[index].value; }
  [[nodiscard]] std::uint32_t generation(std::uint32_t index) const { return slots_[index].generation; }
  [[nodiscard]] bool holds(std::uint32_t index, std::uint32_t generation) const {
    return index < slots_.size() && slots_[index].live && slots_[index].generation == generation;
  }
  [[nodiscard]] bool holds(std::uint32_t index) const { return index < slots_.size() && slots_[index].live; }
  [[nodiscard]] std::size_t size() const { return live_; }
  /// Calls visit(index) for each; it may give that one back.
  template <class Visit>
  void for_each(Visit visit) {
    for (std::uint32_t index = 0; index < slots_.size(); ++index)
      if (slots_[index].live) visit(index);
  }

  static constexpr std::uint32_t kGenerationMask = 0xfffffff;  ///< what fits into a poller's Tag

 private:
  struct Slot {
    T value{};
    std::uint32_t generation = 0;
    bool live = false;
  };
  std::deque<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::size_t live_ = 0;
};

}  // namespace warren::proxy
