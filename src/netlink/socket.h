// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "netlink/batch.h"
#include "netlink/view.h"

namespace warren::netlink {

/// A request of a batch that the kernel refused.
struct Failure {
  std::size_t request = 0;  ///< its place in the batch
  Error error;
};

using Visitor = std::function<void(const MessageView&)>;

/// A netlink socket. It belongs to the network namespace in which it was opened, and stays there wherever
/// the thread goes. Not shared between threads.
class Socket {
 public:
  /// `protocol`: NETLINK_ROUTE, NETLINK_NETFILTER or NETLINK_SOCK_DIAG. Close-on-exec, extended ack, strict
  /// checks.
  [[nodiscard]] static Result<Socket> open(int protocol);

  /// Sends all requests and waits until the kernel has done them. The error is the first refused one.
  [[nodiscard]] Status run(Batch& batch, const Visitor& visit = {});
  /// The same, but tells every refused request. The error is for answers that were lost (ENOBUFS), or a
  /// broken socket: how far the kernel came is not known then, and the next call finds the socket in order.
  [[nodiscard]] Result<std::vector<Failure>> run_all(Batch& batch, const Visitor& visit = {});
  /// Sends all requests at once, whatever their size: the first opens a transaction and the last ends it
  /// (NFNL_MSG_BATCH_*). The kernel does all of them, or none. The error is the first refused one, whether
  /// or not all refusals find room.
  [[nodiscard]] Status transact(Batch& batch);
  /// Sends the one request of the batch (NLM_F_DUMP) and hands each answer to `visit`. A dump that was
  /// interrupted by a change is made again, so `start` is called before each try and must forget the last.
  [[nodiscard]] Status dump(Batch& batch, const std::function<void()>& start, const Visitor& visit);

  [[nodiscard]] int fd() const { return fd_.get(); }
  /// Listens to a multicast group (RTNLGRP_*, NFNLGRP_*).
  [[nodiscard]] Status join(unsigned group);
  /// Reads the notifications that wait, without blocking. False: some were lost (ENOBUFS).
  [[nodiscard]] Result<bool> receive(const Visitor& visit);

 private:
  Socket(UniqueFd fd, std::size_t room)
      : fd_(std::move(fd)), room_(room), buffer_(std::make_unique_for_overwrite<std::byte[]>(kBufferSize)) {}
  /// The requests of one send, and the one among them whose ack says that all are done.
  struct Part {
    std::size_t first;
    std::size_t last;
    std::size_t acked;
    bool whole = false;  ///< a transaction: an error of the first is one of all
  };
  [[nodiscard]] Part next_part(const Batch& batch, std::size_t first, bool asks) const;
  [[nodiscard]] Status send(Batch& batch, const Part& part);
  [[nodiscard]] Result<std::span<const std::byte>> read(int flags);
  struct Answers {
    std::vector<Failure>& failures;
    bool done = false;  ///< the last one is there
  };
  [[nodiscard]] Status collect(const Batch& batch, const Part& part, std::vector<Failure>& failures,
                               const Visitor& visit);
  void take_answers(std::span<const std::byte> bytes, const Batch& batch, const Part& part, Answers& answers,
                    const Visitor& visit) const;
  void forget_answers();
  [[nodiscard]] Result<bool> dump_once(Batch& batch, const Visitor& visit);

  // The kernel fills at most 32 KiB a message of a dump, but for a link with 64 KiB of altnames.
  static constexpr std::size_t kBufferSize = 128 * 1024;
  UniqueFd fd_;
  std::size_t room_;  ///< bytes of answers that the kernel keeps until they are read, as it counts them
  std::uint32_t sequence_ = 0;
  std::uint32_t first_sequence_ = 0;
  std::unique_ptr<std::byte[]> buffer_;  // not zeroed: a short answer touches one page of it
};

}  // namespace warren::netlink
