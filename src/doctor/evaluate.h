// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/packet.h"

namespace warren::doctor {

/// Who writes the rules of a table, as far as one can tell: it decides how an exception is made.
enum class Manager : std::uint8_t { nft, iptables, docker, ufw, firewalld };

/// A place in somebody else's rules where a packet ends.
struct Drop {
  std::uint8_t family = 0;  ///< NFPROTO_*
  std::string table;
  std::vector<std::string> path;  ///< chains from the base chain to the one of the rule
  std::string rule;               ///< as nft would write it, or "policy drop"
  bool certain = true;            ///< false: only if something holds that could not be read
  std::string unless;             ///< a rule before it that accepts, on a condition that could not be read
  std::int32_t priority = 0;
  Hook hook = Hook::forward;
  Manager manager = Manager::nft;
};

/// A table's rules, chains and sets, from the JSON of libnftables. What it cannot understand is unknown,
/// never an error.
class Ruleset {
 public:
  [[nodiscard]] static Ruleset parse(std::string_view json);
  /// Nothing of the table can be told.
  [[nodiscard]] static Ruleset unreadable();
  Ruleset(Ruleset&&) noexcept;
  Ruleset& operator=(Ruleset&&) noexcept;
  ~Ruleset();

  [[nodiscard]] bool readable() const;
  [[nodiscard]] bool has_chain(const std::string& name) const;
  /// Is there a chain whose name begins so?
  [[nodiscard]] bool has_chain_like(std::string_view prefix) const;

  struct Content;
  [[nodiscard]] Content& content() { return *content_; }
  [[nodiscard]] const Content& content() const { return *content_; }

 private:
  explicit Ruleset(std::unique_ptr<Content> content);
  std::unique_ptr<Content> content_;
};

/// A base chain to evaluate.
struct Entry {
  std::string chain;
  Hook hook = Hook::forward;
  bool policy_drop = false;
};

/// What the chain does to the packet: nothing when it lets it pass. Pure. An accept on an unknown condition
/// is not believed; a drop on one is not certain. Of several possible ends the first certain one is told,
/// else the first.
[[nodiscard]] std::optional<Drop> evaluate(const Ruleset& ruleset, const Entry& entry, const Packet& packet);

}  // namespace warren::doctor
