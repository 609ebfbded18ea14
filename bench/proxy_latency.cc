// SPDX-License-Identifier: GPL-2.0-or-later
// How long a small question and its answer take over one TCP connection that stands.
//
//   warren-proxy-latency serve PORT              answers what it gets, on 127.0.0.1
//   warren-proxy-latency ask ADDRESS PORT COUNT  prints {"p50": µs, "p99": µs}
#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <vector>

#include "tcp.h"

namespace {

using Message = std::array<char, 200>;
using Clock = std::chrono::steady_clock;

void without_delay(int fd) {
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void echo(int fd) {
  without_delay(fd);
  Message buffer;
  for (ssize_t got = 0; (got = read(fd, buffer.data(), buffer.size())) > 0;)
    if (write(fd, buffer.data(), static_cast<std::size_t>(got)) != got) break;
  close(fd);
}

[[noreturn]] void serve(const char* port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const auto address = endpoint("0.0.0.0", port);
  if (bind(listener, generic(address), sizeof address) != 0 || listen(listener, 64) != 0) fail("listen");
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) std::thread(echo, fd).detach();
  }
}

void exchange(int fd, Message& message) {
  if (write(fd, message.data(), message.size()) != static_cast<ssize_t>(message.size())) fail("write");
  for (std::size_t have = 0; have < message.size();) {
    const auto got = read(fd, message.data(), message.size() - have);
    if (got <= 0) fail("read");
    have += static_cast<std::size_t>(got);
  }
}

int ask(const char* to, const char* port, std::size_t count) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = endpoint(to, port);
  if (connect(fd, generic(address), sizeof address) != 0) fail("connect");
  without_delay(fd);
  Message message{};
  std::vector<double> times(count);
  for (std::size_t i = 0; i < 100; ++i) exchange(fd, message);  // whatever is done but once
  for (auto& time : times) {
    const auto begin = Clock::now();
    exchange(fd, message);
    time = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
  }
  std::ranges::sort(times);
  std::printf("{\"p50\": %.1f, \"p99\": %.1f}\n", times[count / 2], times[count * 99 / 100]);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "serve" && argc == 3) serve(argv[2]);
  if (mode == "ask" && argc == 5) return ask(argv[2], argv[3], std::strtoul(argv[4], nullptr, 10));
  throw std::invalid_argument("usage: warren-proxy-latency serve PORT | ask ADDRESS PORT COUNT");
} catch (const std::exception& error) {
  std::fprintf(stderr, "warren-proxy-latency: %s\n", error.what());
  return 1;
}
