// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/sock_diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace warren::netlink {
namespace {

struct DiagScope;

void read_listener(const MessageView& message, Proto proto, std::vector<Listener>& listeners) {
  const auto header = message.header<inet_diag_msg>();
  if (!header || header->id.idiag_sport == 0) return;
  Listener listener;
  const auto family = header->idiag_family == AF_INET ? Family::v4 : Family::v6;
  listener.proto = proto;
  listener.address = Ip::from_bytes(reinterpret_cast<const std::uint8_t*>(header->id.idiag_src), family);
  listener.port = ntohs(header->id.idiag_sport);
  listener.inode = header->idiag_inode;
  listener.uid = header->idiag_uid;
  for (const auto& attr : message.attributes<inet_diag_msg>())
    if (attr.type == INET_DIAG_SKV6ONLY) listener.v6_only = attr.as<std::uint8_t>().value_or(1) != 0;
  listeners.push_back(listener);
}

Status dump_kind(Socket& socket, Proto proto, std::uint8_t family, std::vector<Listener>& listeners) {
  inet_diag_req_v2 request{};
  request.sdiag_family = family;
  request.sdiag_protocol = static_cast<std::uint8_t>(proto);
  request.idiag_states = 1U << (proto == Proto::tcp ? TCP_LISTEN : TCP_CLOSE);
  Batch batch;
  (void)batch.add<DiagScope>(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request, "list the listening sockets");
  const auto before = listeners.size();
  const auto status = socket.dump(
      batch, [&] { listeners.resize(before); },
      [&](const MessageView& message) { read_listener(message, proto, listeners); });
  // A kernel without the module for a protocol has nothing to tell of it.
  if (!status && status.error().code != Code::not_found) return status;
  return {};
}

}  // namespace

bool Listener::takes(const Ip& to) const {
  if (address.family() == to.family()) return address.is_unspecified() || address == to;
  return to.is_v4() && address.is_unspecified() && !v6_only;
}

Result<std::vector<Listener>> dump_listeners(Socket& socket, Proto proto) {
  std::vector<Listener> listeners;
  for (const auto family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}})
    TRY(dump_kind(socket, proto, family, listeners));
  return listeners;
}

Result<std::vector<Listener>> dump_listeners(Socket& socket) {
  auto listeners = TRY(dump_listeners(socket, Proto::tcp));
  for (const auto& listener : TRY(dump_listeners(socket, Proto::udp))) listeners.push_back(listener);
  return listeners;
}

}  // namespace warren::netlink
