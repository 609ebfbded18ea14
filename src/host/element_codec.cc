// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/element_codec.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>

namespace warren::host {
namespace {

constexpr std::size_t kIfNameField = 16;

/// Takes fields off the front of a key or a value, each padded to four bytes.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : rest_(bytes) {}

  std::optional<Ip> ip(Family family) {
    const auto bytes = take(family == Family::v4 ? 4 : 16);
    if (!bytes) return std::nullopt;
    return Ip::from_bytes(bytes, family);
  }
  std::optional<Proto> proto() {
    const auto* bytes = take(4);
    if (!bytes || (bytes[0] != 6 && bytes[0] != 17)) return std::nullopt;
    return static_cast<Proto>(bytes[0]);
  }
  std::optional<Port> port() {
    const auto* bytes = take(4);
    return bytes ? std::optional(static_cast<Port>(bytes[0] << 8 | bytes[1])) : std::nullopt;
  }
  std::optional<std::string> text() {
    const auto* bytes = reinterpret_cast<const char*>(take(kIfNameField));
    return bytes ? std::optional(std::string(bytes, std::find(bytes, bytes + kIfNameField, '\0')))
                 : std::nullopt;
  }
  std::optional<IfName> interface() {
    const auto name = text();
    if (!name) return std::nullopt;
    auto parsed = IfName::parse(*name);
    return parsed ? std::optional(*parsed) : std::nullopt;
  }

 private:
  const std::uint8_t* take(std::size_t size) {
    if (rest_.size() < size) return nullptr;
    const auto* at = reinterpret_cast<const std::uint8_t*>(rest_.data());
    rest_ = rest_.subspan(size);
    return at;
  }
  std::span<const std::byte> rest_;
};

bool has_host(SetId set) { return set == SetId::forwards_at || set == SetId::ranges_at; }
bool is_source(SetId set) { return set == SetId::sources || set == SetId::no_nat; }
bool is_range(SetId set) { return set == SetId::ranges || set == SetId::ranges_at; }

Ip none(Family family) { return family == Family::v4 ? Ip() : Ip::v6({}); }

std::optional<Element> decode_source(const netlink::RawElement& raw, SetId set, Family family) {
  Element element;
  element.set = set, element.family = family, element.to = none(family);
  Fields key(raw.key);
  if (set == SetId::sources) {
    const auto interface = key.interface();
    if (!interface) return std::nullopt;
    element.interface = *interface;
  }
  const auto address = key.ip(family);
  if (!address) return std::nullopt;
  element.address = *address;
  return element;
}

std::optional<Element> decode_service(const netlink::RawElement& raw) {
  Element element;
  element.set = SetId::services;
  Fields key(raw.key);
  const auto interface = key.interface();
  const auto address = key.ip(Family::v4);
  const auto proto = key.proto();
  const auto port = key.port();
  if (!interface || !address || !proto || !port) return std::nullopt;
  element.interface = *interface;
  element.address = *address;
  element.proto = *proto;
  element.ports = {*port, *port};
  return element;
}

std::optional<Element> decode_uid(const netlink::RawElement& raw) {
  Element element;
  element.set = SetId::confined;
  if (raw.key.size() < sizeof element.uid) return std::nullopt;
  std::memcpy(&element.uid, raw.key.data(), sizeof element.uid);
  return element;
}

std::optional<Element> decode_forward(const netlink::RawElement& raw, SetId set, Family family) {
  Element element;
  element.set = set, element.family = family, element.address = none(family);
  Fields key(raw.key), key_end(raw.key_end), data(raw.data);
  if (has_host(set)) {
    const auto address = key.ip(family);
    if (!address) return std::nullopt;
    element.address = *address;
    (void)key_end.ip(family);
  }
  const auto proto = key.proto();
  const auto first = key.port();
  (void)key_end.proto();
  const auto last = is_range(set) ? key_end.port() : first;
  const auto to = data.ip(family);
  const auto to_port = is_range(set) ? std::optional(Port{0}) : data.port();
  if (!proto || !first || !to || !to_port) return std::nullopt;
  element.proto = *proto;
  element.ports = {*first, last.value_or(*first)};
  element.to = *to;
  element.to_port = *to_port;
  return element;
}

void put_port(netlink::FieldBytes& fields, Port port) {
  const auto big = htons(port);
  fields.add(&big, sizeof big);
}

void put_service(netlink::FieldBytes& fields, const Element& element) {
  fields.add(element.address.data(), element.address.size());
  const auto proto = static_cast<std::uint8_t>(element.proto);
  fields.add(&proto, sizeof proto);
  put_port(fields, element.ports.first);
}

netlink::FieldBytes forward_key(const Element& element, Port port) {
  netlink::FieldBytes key;
  if (has_host(element.set)) key.add(element.address.data(), element.address.size());
  const auto proto = static_cast<std::uint8_t>(element.proto);
  key.add(&proto, sizeof proto);
  put_port(key, port);
  return key;
}

}  // namespace

netlink::FieldBytes encode_interface(const IfName& interface) {
  std::array<char, kIfNameField> name{};
  interface.str().copy(name.data(), name.size());
  return netlink::FieldBytes().add(name.data(), name.size());
}

netlink::ElementBytes encode(const Element& element) {
  netlink::ElementBytes bytes;
  if (element.set == SetId::confined) {
    bytes.key.add(&element.uid, sizeof element.uid);
    return bytes;
  }
  if (element.set == SetId::sources || element.set == SetId::services)
    bytes.key = encode_interface(element.interface);
  if (is_source(element.set)) {
    bytes.key.add(element.address.data(), element.address.size());
    return bytes;
  }
  if (element.set == SetId::services) {
    put_service(bytes.key, element);
    return bytes;
  }
  bytes.key = forward_key(element, element.ports.first);
  bytes.data.add(element.to.data(), element.to.size());
  if (is_range(element.set))
    bytes.key_end = forward_key(element, element.ports.last);
  else
    put_port(bytes.data, element.to_port);
  return bytes;
}

std::optional<Element> decode(const netlink::RawElement& raw, SetId set, Family family) {
  if (set == SetId::services) return decode_service(raw);
  if (set == SetId::confined) return decode_uid(raw);
  return is_source(set) ? decode_source(raw, set, family) : decode_forward(raw, set, family);
}

std::string interface_key(const netlink::RawElement& raw) { return Fields(raw.key).text().value_or(""); }

}  // namespace warren::host
