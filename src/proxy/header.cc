// SPDX-License-Identifier: GPL-2.0-or-later
#include "proxy/header.h"

namespace warren::proxy {
namespace {

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr char kProxyV2 = 0x21;  ///< version 2, command PROXY
constexpr char kStream4 = 0x11;  ///< AF_INET, SOCK_STREAM
constexpr char kStream6 = 0x21;  ///< AF_INET6, SOCK_STREAM
constexpr char kTypeNetns = 0x30;

void put16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

void put(std::string& out, const Ip& ip) {
  for (std::size_t i = 0; i < ip.size(); ++i) out += static_cast<char>(ip.data()[i]);
}

std::string text_v1(const Passage& passage) {
  const auto source = passage.source.ip(), destination = passage.destination.ip();
  return std::string("PROXY TCP") + (source.is_v4() ? "4 " : "6 ") + source.str() + " " + destination.str() +
         " " + std::to_string(passage.source.port()) + " " + std::to_string(passage.destination.port()) +
         "\r\n";
}

std::string bytes_v2(const Passage& passage) {
  std::string body;
  put(body, passage.source.ip());
  put(body, passage.destination.ip());
  put16(body, passage.source.port());
  put16(body, passage.destination.port());
  if (!passage.space.empty()) {
    body += kTypeNetns;
    put16(body, passage.space.size());
    body += passage.space;
  }
  std::string out(kSignature);
  out += kProxyV2;
  out += passage.source.ip().is_v4() ? kStream4 : kStream6;
  put16(out, body.size());
  return out + body;
}

}  // namespace

std::string header_text(Header version, const Passage& passage) {
  if (version == Header::none) return {};
  return version == Header::v1 ? text_v1(passage) : bytes_v2(passage);
}

}  // namespace warren::proxy
