// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever a user types as an address, network, port, name or port specification is refused in one line, or
// gives a value whose text parses to the same value.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/forward_spec.h"
#include "types/ip.h"
#include "types/names.h"
#include "types/port.h"

namespace {

using namespace warren;

void check(bool good) {
  if (!good) std::abort();
}

template <class T>
void check_refusal(const Result<T>& result) {
  check(result.error().code == Code::usage && !result.error().what.empty());
}

template <class T>
void round_trip(std::string_view text) {
  const auto value = T::parse(text);
  if (!value) return check_refusal(value);
  check(text.find('\0') == text.npos);  // a text that C functions see only the front of
  const auto again = T::parse(value->str());
  check(again && *again == *value);
}

void names(std::string_view text) {
  round_trip<SpaceName>(text);
  round_trip<IfName>(text);
  for (const auto& name : {SpaceName::parse(text)}) {
    if (!name) continue;
    check(name->str() == text && text.size() <= 32);
    for (const char c : text) check(c > ' ' && c != '/' && c != '"' && c != 0x7f);
    check(text[0] != '-' && text[0] != '.');
  }
}

void specification(std::string_view text) {
  const auto spec = model::ForwardSpec::parse(text);
  if (!spec) return check_refusal(spec);
  for (const auto& forward : spec->forwards({40000, 40000})) {
    check(forward.ports.first >= 1 && forward.ports.first <= forward.ports.last && forward.to >= 1);
    check(forward.ports.single() || forward.to == forward.ports.first);
    const auto again = model::ForwardSpec::parse(forward.spec());
    check(again && again->forwards({1, 1}) == std::vector{forward});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  round_trip<Ip>(text);
  round_trip<Cidr>(text);
  round_trip<PortRange>(text);
  round_trip<ProtoPort>(text);
  names(text);
  specification(text);
  if (const auto port = parse_port(text)) check(*port != 0 && text.find('\0') == text.npos);
  return 0;
}
