// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/socket.h"

#include <cerrno>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <utility>

namespace warren::netlink {
namespace {

constexpr std::size_t kMaxSend = 32 * 1024;  // stays below the default socket buffer
constexpr int kDumpTries = 16;

/// Walks the messages of one datagram.
template <class F>
void each_message(std::span<const std::byte> bytes, F visit) {
  int rest = static_cast<int>(bytes.size());
  for (auto* header = reinterpret_cast<const nlmsghdr*>(bytes.data()); mnl_nlmsg_ok(header, rest);
       header = mnl_nlmsg_next(header, &rest))
    visit(*header);
}

std::span<const std::byte> payload(const nlmsghdr& header) {
  return {reinterpret_cast<const std::byte*>(&header) + MNL_NLMSG_HDRLEN,
          header.nlmsg_len - MNL_NLMSG_HDRLEN};
}

/// The kernel's own words in an extended ack, or nothing.
std::string_view kernel_text(const nlmsghdr& header) {
  const auto bytes = payload(header);
  const bool capped = (header.nlmsg_flags & NLM_F_CAPPED) != 0;
  nlmsgerr error{};
  if (bytes.size() < sizeof error || !(header.nlmsg_flags & NLM_F_ACK_TLVS)) return {};
  std::memcpy(&error, bytes.data(), sizeof error);
  const std::size_t skip = sizeof error + (capped ? 0 : MNL_ALIGN(error.msg.nlmsg_len) - sizeof(nlmsghdr));
  if (skip > bytes.size()) return {};
  for (const auto& attr : AttrRange(bytes.subspan(skip)))
    if (attr.type == NLMSGERR_ATTR_MSG) return attr.text();
  return {};
}

/// errno (positive) of an NLMSG_ERROR or NLMSG_DONE; 0 is an ack.
int error_of(const nlmsghdr& header) {
  std::int32_t value = 0;
  if (payload(header).size() >= sizeof value) std::memcpy(&value, payload(header).data(), sizeof value);
  return -value;
}

Error refused(const nlmsghdr& header, std::string_view what) {
  const int sys = error_of(header);
  auto error = fail_errno(sys, what).error();
  if (const auto text = kernel_text(header); !text.empty()) error.what += fmt::format(" (kernel: {})", text);
  return error;
}

void set_option(int fd, int option) {
  const int on = 1;
  setsockopt(fd, SOL_NETLINK, option, &on, sizeof on);  // an older kernel without it still answers
}

}  // namespace

Result<Socket> Socket::open(int protocol) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd.valid()) return fail_errno(errno, "open a netlink socket");
  set_option(fd.get(), NETLINK_EXT_ACK);
  set_option(fd.get(), NETLINK_CAP_ACK);
  set_option(fd.get(), NETLINK_GET_STRICT_CHK);
  return Socket(std::move(fd));
}

Status Socket::send(Batch& batch, const Part& part) {
  first_sequence_ = sequence_ + 1;
  for (auto i = part.first; i < part.last; ++i) {
    auto* header = reinterpret_cast<nlmsghdr*>(batch.buffer_.data() + batch.requests_[i].offset);
    header->nlmsg_seq = ++sequence_;
    if (i == part.acked) header->nlmsg_flags |= NLM_F_ACK;  // errors come back from every request
  }
  const auto* begin = batch.buffer_.data() + batch.requests_[part.first].offset;
  const auto size = batch.end_of(part.last - 1) - batch.requests_[part.first].offset;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  while (::sendto(fd_.get(), begin, size, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0)
    if (errno != EINTR) return fail_errno(errno, "send to netlink");
  return {};
}

Result<std::span<const std::byte>> Socket::read(int flags) {
  for (;;) {
    sockaddr_nl from{};
    iovec part{buffer_.get(), kBufferSize};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const auto size = ::recvmsg(fd_.get(), &message, flags);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return fail_errno(errno, "read from netlink");
    if (message.msg_flags & MSG_TRUNC) return fail(Code::failed, "read from netlink: a message was cut off");
    if (from.nl_pid == 0) return std::span<const std::byte>(buffer_.get(), static_cast<std::size_t>(size));
  }
}

Status Socket::collect(const Batch& batch, const Part& part, std::vector<Failure>& failures,
                       const Visitor& visit) {
  for (bool done = false; !done;) {
    const auto bytes = TRY(read(0));
    each_message(bytes, [&](const nlmsghdr& header) {
      if (header.nlmsg_seq < first_sequence_ || header.nlmsg_seq > sequence_) return;
      const auto request = part.first + (header.nlmsg_seq - first_sequence_);
      if (header.nlmsg_type != NLMSG_ERROR) {
        if (visit) visit({header.nlmsg_type, payload(header)});
        return;
      }
      if (error_of(header) != 0)
        failures.push_back({request, refused(header, batch.requests_[request].what)});
      if (request == part.acked || (part.whole && request == part.first)) done = true;
    });
  }
  return {};
}

Result<std::vector<Failure>> Socket::run_all(Batch& batch, const Visitor& visit) {
  std::vector<Failure> failures;
  for (std::size_t first = 0; first < batch.requests_.size();) {
    auto last = first + 1;
    while (last < batch.requests_.size() && batch.end_of(last) - batch.requests_[first].offset <= kMaxSend)
      ++last;
    const Part part{first, last, last - 1};
    TRY(send(batch, part));
    TRY(collect(batch, part, failures, visit));
    first = last;
  }
  return failures;
}

Status Socket::transact(Batch& batch) {
  const auto count = batch.requests_.size();
  if (batch.buffer_.size() > kMaxSend) {
    const int size = static_cast<int>(batch.buffer_.size());  // the kernel doubles it, for what it adds
    if (setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0)
      return fail_errno(errno, "make room for a netlink transaction");
  }
  // The kernel does not ack the end. Of a transaction that it cannot even begin it speaks in the first.
  std::vector<Failure> failures;
  const Part part{0, count, count - 2, true};
  TRY(send(batch, part));
  TRY(collect(batch, part, failures, {}));
  if (!failures.empty()) return std::unexpected(std::move(failures.front().error));
  return {};
}

Status Socket::run(Batch& batch, const Visitor& visit) {
  auto failures = TRY(run_all(batch, visit));
  if (!failures.empty()) return std::unexpected(std::move(failures.front().error));
  return {};
}

Result<bool> Socket::dump_once(Batch& batch, const Visitor& visit) {
  TRY(send(batch, {0, 1, 1}));
  bool interrupted = false;
  for (bool done = false; !done;) {
    const auto bytes = TRY(read(0));
    Status status;
    each_message(bytes, [&](const nlmsghdr& header) {
      if (header.nlmsg_seq != sequence_ || done) return;
      if (header.nlmsg_flags & NLM_F_DUMP_INTR) interrupted = true;
      const bool last = header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR;
      if (last && error_of(header) != 0) status = std::unexpected(refused(header, batch.requests_[0].what));
      done = last;
      if (!last) visit({header.nlmsg_type, payload(header)});
    });
    if (!status) return std::unexpected(std::move(status).error());
  }
  return interrupted;
}

Status Socket::dump(Batch& batch, const std::function<void()>& start, const Visitor& visit) {
  for (int i = 0; i < kDumpTries; ++i) {
    start();
    if (!TRY(dump_once(batch, visit))) return {};
  }
  return fail(Code::failed, fmt::format("{}: the kernel's list changed {} times while it was read",
                                        batch.requests_[0].what, kDumpTries));
}

Status Socket::join(unsigned group) {
  // A socket without a port of its own is passed over by broadcasts.
  sockaddr_nl any{};
  socklen_t size = sizeof any;
  if (::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&any), &size) != 0)
    return fail_errno(errno, "look at a netlink socket");
  const bool bound = std::exchange(any.nl_pid, 0) != 0;  // by an earlier join()
  any.nl_groups = 0;
  if (!bound && ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0)
    return fail_errno(errno, "bind a netlink socket");
  if (setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
    return fail_errno(errno, "listen to netlink notifications");
  return {};
}

Result<bool> Socket::receive(const Visitor& visit) {
  for (;;) {
    auto bytes = read(MSG_DONTWAIT);
    if (!bytes && (bytes.error().sys == EAGAIN || bytes.error().sys == EWOULDBLOCK)) return true;
    if (!bytes && bytes.error().sys == ENOBUFS) return false;
    if (!bytes) return std::unexpected(std::move(bytes).error());
    each_message(*bytes, [&](const nlmsghdr& header) { visit({header.nlmsg_type, payload(header)}); });
  }
}

}  // namespace warren::netlink
