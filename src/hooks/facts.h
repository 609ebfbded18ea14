// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/place.h"
#include "model/space.h"

namespace warren::hooks {

/// What happens to a space, or to a device of it.
enum class Event : std::uint8_t {
  pre_up,    ///< before anything of the space is made; may refuse it
  up,        ///< it is whole
  pre_down,  ///< it is about to go; its processes run still
  down,      ///< nothing of it is left
  dev_add,   ///< a device stands in it
  dev_rm,    ///< a device has left it
};
/// As the folder of its hooks is called: "pre-up".
[[nodiscard]] std::string_view name(Event event);
/// Does the space stand while the hooks of this event run?
[[nodiscard]] bool has_inside(Event event);

/// What the hooks of a device's coming and going are told besides.
struct Device {
  std::string name;  ///< of the interface, inside
  std::string type;  ///< "macvlan"
  std::string mac;
  std::optional<std::string> parent;  ///< the host's interface that it belongs to
  std::optional<std::int64_t> vlan;
};

/// What a hook is told, the same in its environment and on its standard input: "ipv4" is WARREN_IPV4. Keys
/// are of small letters, digits and '_'.
class Facts {
 public:
  /// Those of the space itself.
  Facts(const Place& place, const model::Space& space, const model::Settings& settings);
  void add(const Device& device);
  /// Nothing: null, and no variable.
  void add(std::string key, const std::optional<std::string>& text);
  void add_number(std::string key, const std::optional<std::int64_t>& number);
  void add_flag(std::string key, bool flag);
  void add_list(std::string key, const std::vector<std::string>& list);

  [[nodiscard]] const SpaceName& space() const { return space_; }
  /// "WARREN_KEY=value" each; lists with blanks between. What has no value is left out, and so is a list too
  /// long for an environment.
  [[nodiscard]] std::vector<std::string> environment() const;
  /// One object on one line.
  [[nodiscard]] std::string json() const;

 private:
  struct Fact {
    std::string key;
    std::optional<std::string> words;  ///< as a variable has it
    std::string json;
  };
  SpaceName space_;
  std::vector<Fact> list_;
};

}  // namespace warren::hooks
