// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/conntrack.h"

#include <algorithm>
#include <iterator>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <map>
#include <sys/socket.h>

#include "netlink/nfnl.h"

namespace warren::netlink {
namespace {

struct CtScope;
struct TupleScope;
struct TupleIpScope;
struct FilterScope;
constexpr Attr<CtScope, CTA_TUPLE_ORIG, Nest<TupleScope>> kOrig;
constexpr Attr<CtScope, CTA_TUPLE_ORIG, std::span<const std::byte>> kOrigRaw;
constexpr Attr<CtScope, CTA_TUPLE_REPLY, Nest<TupleScope>> kReply;
constexpr Attr<CtScope, CTA_FILTER, Nest<FilterScope>> kFilter;
constexpr Attr<TupleScope, CTA_TUPLE_IP, Nest<TupleIpScope>> kTupleIp;
constexpr Attr<TupleIpScope, CTA_IP_V4_SRC, Ip> kSrc4;
constexpr Attr<FilterScope, CTA_FILTER_ORIG_FLAGS, std::uint32_t> kOrigFlags;
constexpr Attr<FilterScope, CTA_FILTER_REPLY_FLAGS, std::uint32_t> kReplyFlags;
constexpr std::uint32_t kBySource = 1;  // CTA_FILTER_F_CTA_IP_SRC in the kernel's nf_internals.h, since 5.8

constexpr auto ct_type = [](unsigned message) { return nfnl::type(NFNL_SUBSYS_CTNETLINK, message); };

struct Tuple {
  Ip src, dst;
  std::uint8_t proto = 0;
  std::uint16_t dport = 0;
};

/// One entry, and its original tuple as the kernel wrote it: what deleting it wants back.
struct Flow {
  Tuple orig, reply;
  std::vector<std::byte> raw_orig;
};

Ip read_ip(const AttrView& attr) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(attr.payload.data());
  if (attr.payload.size() == 4) return Ip::from_bytes(bytes, Family::v4);
  return attr.payload.size() == 16 ? Ip::from_bytes(bytes, Family::v6) : Ip();
}

Tuple read_tuple(const AttrView& attr) {
  Tuple tuple;
  for (const auto& part : AttrRange(attr.payload))
    for (const auto& field : AttrRange(part.payload)) {
      if (part.type == CTA_TUPLE_IP) {
        if (field.type == CTA_IP_V4_SRC || field.type == CTA_IP_V6_SRC) tuple.src = read_ip(field);
        if (field.type == CTA_IP_V4_DST || field.type == CTA_IP_V6_DST) tuple.dst = read_ip(field);
      } else if (part.type == CTA_TUPLE_PROTO) {
        if (field.type == CTA_PROTO_NUM) tuple.proto = field.as<std::uint8_t>().value_or(0);
        if (field.type == CTA_PROTO_DST_PORT) tuple.dport = nfnl::be16(field).value_or(0);
      }
    }
  return tuple;
}

Flow read_flow(const MessageView& message) {
  Flow flow;
  for (const auto& attr : message.attributes<nfgenmsg>()) {
    if (attr.type == CTA_TUPLE_ORIG) {
      flow.orig = read_tuple(attr);
      flow.raw_orig.assign(attr.payload.begin(), attr.payload.end());
    }
    if (attr.type == CTA_TUPLE_REPLY) flow.reply = read_tuple(attr);
  }
  return flow;
}

enum class Side { any, from, answered_by };

/// Lists entries; where all that is wanted has one IPv4 address on one side, the kernel leaves out the
/// others.
Status dump_flows(Socket& socket, Family family, Side side, const Ip& ip, std::vector<Flow>& flows) {
  Batch batch;
  const auto header = nfnl::header(family == Family::v4 ? AF_INET : AF_INET6);
  {
    auto writer =
        batch.add<CtScope>(ct_type(IPCTNL_MSG_CT_GET), NLM_F_DUMP, header, "list tracked connections");
    if (side != Side::any) {
      {
        auto tuple = side == Side::from ? writer.nest(kOrig) : writer.nest(kReply);
        auto part = tuple.nest(kTupleIp);
        part.put(kSrc4, ip);
      }
      auto filter = writer.nest(kFilter);
      if (side == Side::from)
        filter.put(kOrigFlags, kBySource);
      else
        filter.put(kReplyFlags, kBySource);
    }
  }
  const auto before = flows.size();
  return socket.dump(
      batch, [&] { flows.resize(before); },
      [&](const MessageView& message) { flows.push_back(read_flow(message)); });
}

/// The entries that begin at this address or are answered by it, each once.
Status dump_flows_of(Socket& socket, const Ip& ip, std::vector<Flow>& flows) {
  std::vector<Flow> some;
  if (ip.is_v4()) {
    TRY(dump_flows(socket, ip.family(), Side::answered_by, ip, some));
    std::erase_if(some, [&](const Flow& flow) { return flow.orig.src == ip; });  // they come now
    TRY(dump_flows(socket, ip.family(), Side::from, ip, some));
  } else {
    // The kernel's own filter compares IPv6 addresses the wrong way round (seen in 6.18): we do it.
    TRY(dump_flows(socket, ip.family(), Side::any, ip, some));
    std::erase_if(some, [&](const Flow& flow) { return flow.orig.src != ip && flow.reply.src != ip; });
  }
  std::ranges::move(some, std::back_inserter(flows));
  return {};
}

/// The matches, ordered so that a flow finds its own quickly, however many there are.
class Index {
 public:
  explicit Index(const std::vector<FlowMatch>& matches) {
    for (const auto& match : matches)
      if (match.kind == FlowMatch::Kind::local)
        local_.push_back(&match);
      else
        by_ip_.emplace(match.ip, &match);
    std::ranges::sort(local_, {}, [](const auto* match) { return match->ports.first; });
  }

  [[nodiscard]] bool matches(const Flow& flow) const {
    return by_address(flow, flow.reply.src) || by_address(flow, flow.orig.src) || local(flow);
  }

 private:
  [[nodiscard]] static bool ports_match(const FlowMatch& match, const Flow& flow) {
    return flow.orig.proto == static_cast<std::uint8_t>(match.proto) &&
           match.ports.contains(flow.orig.dport) && (!match.host || *match.host == flow.orig.dst);
  }
  [[nodiscard]] bool by_address(const Flow& flow, const Ip& ip) const {
    const auto [begin, end] = by_ip_.equal_range(ip);
    return std::any_of(begin, end, [&](const auto& entry) {
      const auto& match = *entry.second;
      if (match.kind == FlowMatch::Kind::space) return true;
      return flow.reply.src == ip && flow.orig.dst != ip && ports_match(match, flow);
    });
  }
  [[nodiscard]] bool local(const Flow& flow) const {
    if (flow.reply.src != flow.orig.dst) return false;
    for (const auto* match : local_) {
      if (match->ports.first > flow.orig.dport) return false;
      if (match->ip.family() == flow.orig.dst.family() && ports_match(*match, flow)) return true;
    }
    return false;
  }

  std::multimap<Ip, const FlowMatch*> by_ip_;
  std::vector<const FlowMatch*> local_;
};

Status find_flows(Socket& socket, Family family, const std::vector<FlowMatch>& matches,
                  std::vector<Flow>& flows) {
  const FlowMatch* one = nullptr;
  bool wide = false;
  for (const auto& match : matches) {
    if (match.ip.family() != family) continue;
    if (match.kind == FlowMatch::Kind::local || (one && one->ip != match.ip)) wide = true;
    one = &match;
  }
  if (!one) return {};
  if (wide) return dump_flows(socket, family, Side::any, {}, flows);
  return dump_flows_of(socket, one->ip, flows);
}

void add_deletion(Batch& batch, const Flow& flow) {
  const auto header = nfnl::header(flow.orig.src.is_v4() ? AF_INET : AF_INET6);
  batch.add<CtScope>(ct_type(IPCTNL_MSG_CT_DELETE), 0, header, "forget a tracked connection")
      .put(kOrigRaw, std::span<const std::byte>(flow.raw_orig));
}

}  // namespace

Result<std::size_t> delete_flows(Socket& socket, const std::vector<FlowMatch>& matches) {
  std::vector<Flow> flows;
  for (const auto family : {Family::v4, Family::v6}) TRY(find_flows(socket, family, matches, flows));
  const Index index(matches);
  Batch batch;
  std::size_t count = 0;
  for (const auto& flow : flows) {
    if (!index.matches(flow)) continue;
    add_deletion(batch, flow);
    ++count;
  }
  for (const auto& failure : TRY(socket.run_all(batch)))
    if (failure.error.code != Code::not_found)
      return std::unexpected(failure.error);  // it may have ended by itself
  return count;
}

Result<std::size_t> count_flows(Socket& socket, const Ip& ip) {
  std::vector<Flow> flows;
  TRY(dump_flows_of(socket, ip, flows));
  return flows.size();
}

}  // namespace warren::netlink
