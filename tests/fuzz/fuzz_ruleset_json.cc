// SPDX-License-Identifier: GPL-2.0-or-later
// A foreign ruleset may be anything: the evaluator must come to an end with it, and say something printable.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "doctor/evaluate.h"

namespace {

using warren::Ip;
using warren::doctor::Hook;
using warren::doctor::Packet;

Packet packet(warren::Family family, std::uint8_t protocol, bool reply) {
  Packet made;
  made.family = family;
  made.iif = "veth_web_o";
  made.oif = "eth0";
  made.iif_group = 30561;
  made.src = *Ip::parse(family == warren::Family::v4 ? "100.64.0.2" : "fd00::2");
  made.dst = *Ip::parse(family == warren::Family::v4 ? "1.1.1.1" : "2001:db8::1");
  made.protocol = protocol;
  made.sport = 50000;
  made.dport = 443;
  made.reply = reply;
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto ruleset = warren::doctor::Ruleset::parse({reinterpret_cast<const char*>(data), size});
  for (const auto* chain : {"forward", "FORWARD"})
    for (const auto family : {warren::Family::v4, warren::Family::v6})
      for (const bool reply : {false, true}) {
        const auto drop = warren::doctor::evaluate(ruleset, {chain, Hook::forward, true},
                                                   packet(family, reply ? 17 : 6, reply));
        if (!drop) continue;
        if (drop->path.empty() || drop->path.front() != chain) std::abort();
        for (const char c : drop->rule + drop->unless)
          if (static_cast<unsigned char>(c) < 0x20) std::abort();
      }
  return 0;
}
