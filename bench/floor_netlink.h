// SPDX-License-Identifier: GPL-2.0-or-later
// The netlink of the floor: batches of messages, and the socket of a namespace that sends them.
#pragma once

#include <cerrno>
#include <cstdint>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace floor_bench {

[[noreturn]] inline void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Messages for one namespace that go to the kernel in one call. Only the last is acknowledged; an error of
// any is reported all the same.
class Batch {
 public:
  nlmsghdr* add(std::uint16_t type, std::uint16_t flags) {
    message_ = mnl_nlmsg_put_header(buffer_.data() + used());
    message_->nlmsg_type = type;
    message_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    start_ = used_;
    return message_;
  }

  template <typename T>
  T* header() {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(message_, sizeof(T)));
  }

  // The message begun by add(), until done() ends it.
  nlmsghdr* current() { return message_; }

  void done() { used_ = start_ + NLMSG_ALIGN(message_->nlmsg_len); }

  void acknowledge(std::uint32_t sequence) {
    message_->nlmsg_flags |= NLM_F_ACK;
    message_->nlmsg_seq = sequence;
  }

  void clear() { used_ = 0; }
  std::size_t used() const { return used_; }
  const char* data() const { return buffer_.data(); }

 private:
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);
  nlmsghdr* message_ = nullptr;
  std::size_t used_ = 0, start_ = 0;
};

// The group of the link that this message is about.
inline std::uint32_t link_group(const nlmsghdr* message) {
  std::uint32_t group = 0;
  mnl_attr_parse(
      message, sizeof(ifinfomsg),
      [](const nlattr* attribute, void* found) {
        if (mnl_attr_get_type(attribute) == IFLA_GROUP) {
          *static_cast<std::uint32_t*>(found) = mnl_attr_get_u32(attribute);
        }
        return MNL_CB_OK;
      },
      &group);
  return group;
}

// A route netlink socket; it stays in the namespace in which it was opened.
class Socket {
 public:
  Socket() : socket_(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close) {
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) fail("netlink");
  }

  // Sends the batch and waits for the acknowledgement of its last message.
  void send(Batch& batch) {
    batch.acknowledge(++sequence_);
    if (mnl_socket_sendto(socket_.get(), batch.data(), batch.used()) < 0) fail("send");
    for (bool acknowledged = false; !acknowledged;) acknowledged = receive();
  }

  // Number of links in the namespace that belong to the group.
  int count_links(std::uint32_t group) {
    Batch dump;
    dump.add(RTM_GETLINK, NLM_F_DUMP);
    dump.header<ifinfomsg>();
    dump.done();
    if (mnl_socket_sendto(socket_.get(), dump.data(), dump.used()) < 0) fail("send");
    std::pair<std::uint32_t, int> found{group, 0};
    const auto each = [](const nlmsghdr* message, void* data) {
      auto& [wanted, count] = *static_cast<std::pair<std::uint32_t, int>*>(data);
      count += link_group(message) == wanted;
      return MNL_CB_OK;
    };
    for (int result = MNL_CB_OK; result > MNL_CB_STOP;) {
      result = mnl_cb_run(buffer_.data(), receive_bytes(), 0, 0, each, &found);
      if (result < 0) fail("link dump");
    }
    return found.second;
  }

 private:
  std::size_t receive_bytes() {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size < 0) fail("receive");
    return static_cast<std::size_t>(size);
  }

  bool receive() {
    int rest = static_cast<int>(receive_bytes());
    const auto* message = static_cast<const nlmsghdr*>(static_cast<const void*>(buffer_.data()));
    for (; mnl_nlmsg_ok(message, rest); message = mnl_nlmsg_next(message, &rest)) {
      if (message->nlmsg_type != NLMSG_ERROR) continue;
      const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
      errno = -error->error;
      if (error->error != 0) fail("rtnetlink message of type " + std::to_string(error->msg.nlmsg_type));
      if (message->nlmsg_seq == sequence_) return true;
    }
    return false;
  }

  std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket_;
  std::vector<char> buffer_ = std::vector<char>(64 * 1024);
  std::uint32_t sequence_ = 0;
};

}  // namespace floor_bench
