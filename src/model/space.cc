// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/space.h"

#include <fmt/format.h>

namespace warren::model {

bool Forward::collides(const Forward& other) const {
  return proto == other.proto && ports.overlaps(other.ports) &&
         (!host || !other.host || *host == *other.host);
}

std::string Forward::str() const {
  const auto where = host ? host->bracketed() + ":" + ports.str() : ports.str();
  if (!ports.single()) return fmt::format("{} {}", warren::name(proto), where);
  return fmt::format("{} {} -> {}", warren::name(proto), where, to);
}

std::string Forward::spec() const {
  const auto where = host ? host->bracketed() + ":" : std::string();
  const auto inside = ports.single() ? fmt::format("{}", to) : ports.str();
  return fmt::format("{}{}:{}{}", where, ports.str(), inside, proto == Proto::udp ? "/udp" : "");
}

std::string_view name(State state) {
  switch (state) {
    case State::up:
      return "up";
    case State::down:
      return "down";
    case State::removing:
      return "removing";
  }
  return "?";
}

}  // namespace warren::model
