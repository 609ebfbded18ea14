// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/socket.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <optional>
#include <sys/socket.h>
#include <utility>

namespace warren::netlink {
namespace {

constexpr std::size_t kMaxSend = 32 * 1024;  // stays below the default socket buffer
// The kernel answers a whole part before the first answer is read, and drops what finds no room. What an
// answer costs it is more than its bytes: an ack, with the kernel's words, 0.8 to 1.3 KiB; a link 2 to 5 KiB.
constexpr int kRoom = 1024 * 1024;  // the kernel doubles it
constexpr std::size_t kAckCost = 2 * 1024;
constexpr std::size_t kAnswerCost = 16 * 1024;
constexpr std::size_t kMaxPart = 128;  // requests
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

/// Makes the queue of answers long, or as long as anybody may have it, and says how long that is.
std::size_t make_room(int fd) {
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof kRoom) != 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kRoom, sizeof kRoom);
  int room = 0;
  socklen_t size = sizeof room;
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, &size) != 0 || room < 0) return 0;
  return static_cast<std::size_t>(room);
}

bool nothing_waits(const Error& error) { return error.sys == EAGAIN || error.sys == EWOULDBLOCK; }

}  // namespace

Result<Socket> Socket::open(int protocol) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd.valid()) return fail_errno(errno, "open a netlink socket");
  set_option(fd.get(), NETLINK_EXT_ACK);
  set_option(fd.get(), NETLINK_CAP_ACK);
  set_option(fd.get(), NETLINK_GET_STRICT_CHK);
  const auto room = make_room(fd.get());
  return Socket(std::move(fd), room);
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

void Socket::take_answers(std::span<const std::byte> bytes, const Batch& batch, const Part& part,
                          Answers& answers, const Visitor& visit) const {
  each_message(bytes, [&](const nlmsghdr& header) {
    if (header.nlmsg_seq < first_sequence_ || header.nlmsg_seq > sequence_) return;
    const auto request = part.first + (header.nlmsg_seq - first_sequence_);
    if (header.nlmsg_type != NLMSG_ERROR) {
      if (visit) visit({header.nlmsg_type, payload(header)});
      return;
    }
    if (error_of(header) != 0)
      answers.failures.push_back({request, refused(header, batch.requests_[request].what)});
    if (request == part.acked || (part.whole && request == part.first)) answers.done = true;
  });
}

/// The kernel has done all that was sent when send() returns, so no answer is still to come when it says that
/// some were dropped: those that are there are read without waiting.
Status Socket::collect(const Batch& batch, const Part& part, std::vector<Failure>& failures,
                       const Visitor& visit) {
  Answers answers{failures};
  std::optional<Error> lost;
  while (!answers.done || lost) {
    auto bytes = read(lost ? MSG_DONTWAIT : 0);
    if (bytes) {
      take_answers(*bytes, batch, part, answers, visit);
    } else if (bytes.error().sys == ENOBUFS) {
      lost = std::move(bytes).error();
    } else if (lost && nothing_waits(bytes.error())) {
      // Of a transaction the first refusal, which comes first, tells enough, and so does the last ack.
      if (part.whole && (answers.done || !failures.empty())) return {};
      return std::unexpected(*std::move(lost));
    } else {
      forget_answers();
      return std::unexpected(std::move(bytes).error());
    }
  }
  return {};
}

/// Reads what waits, so that the next call begins with an empty queue: until it is empty the kernel goes on
/// dropping.
void Socket::forget_answers() {
  for (;;) {
    const auto bytes = read(MSG_DONTWAIT);
    const bool lost_or_cut = !bytes && (bytes.error().sys == ENOBUFS || bytes.error().sys == 0);
    if (!bytes && !lost_or_cut) return;
  }
}

/// From `first`, as many requests as their send and, `asks`: with what they ask for, their answers have room.
Socket::Part Socket::next_part(const Batch& batch, std::size_t first, bool asks) const {
  const auto most = std::clamp(room_ / (asks ? kAnswerCost : kAckCost), std::size_t{1}, kMaxPart);
  const auto end = std::min(batch.requests_.size(), first + most);
  auto last = first + 1;
  while (last < end && batch.end_of(last) - batch.requests_[first].offset <= kMaxSend) ++last;
  return {first, last, last - 1};
}

Result<std::vector<Failure>> Socket::run_all(Batch& batch, const Visitor& visit) {
  std::vector<Failure> failures;
  for (std::size_t first = 0; first < batch.requests_.size();) {
    const auto part = next_part(batch, first, static_cast<bool>(visit));
    TRY(send(batch, part));
    TRY(collect(batch, part, failures, visit));
    first = part.last;
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
    const auto bytes = read(0);
    if (!bytes) {
      forget_answers();
      if (bytes.error().sys == ENOBUFS) return true;  // some of it was lost
      return std::unexpected(bytes.error());
    }
    Status status;
    each_message(*bytes, [&](const nlmsghdr& header) {
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
    if (!bytes && nothing_waits(bytes.error())) return true;
    if (!bytes && bytes.error().sys == ENOBUFS) return false;
    if (!bytes) return std::unexpected(std::move(bytes).error());
    each_message(*bytes, [&](const nlmsghdr& header) { visit({header.nlmsg_type, payload(header)}); });
  }
}

}  // namespace warren::netlink
