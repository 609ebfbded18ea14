// SPDX-License-Identifier: GPL-2.0-or-later
// New TCP connections per second, as many as a few processes in a closed loop can make.
//
//   warren-connections serve PORT                     answers each connection with one byte, on all addresses
//   warren-connections connect ADDRESS PORT SECONDS   prints {"per_second": N}
//
// A client ends each connection by a reset, so neither side keeps it in TIME_WAIT and ports do not run out.
#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

#include "tcp.h"

namespace {

constexpr int kClients = 4;  // enough to keep two cores busy

int tcp_socket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  return fd;
}

[[noreturn]] void serve(const char* port) {
  const int listener = tcp_socket();
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address = endpoint("0.0.0.0", port);
  if (bind(listener, generic(address), sizeof address) != 0 || listen(listener, 4096) != 0) fail("bind");
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;  // the client was quicker to leave
    (void)!write(fd, "x", 1);
    close(fd);
  }
}

// One connection, to its first byte. A refused or lost one ends the measurement: its number would mean
// nothing.
void connect_once(const sockaddr_in& address) {
  const int fd = tcp_socket();
  const linger reset{1, 0};
  const timeval patience{5, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  char byte;
  if (connect(fd, generic(address), sizeof address) != 0) fail("connect");
  if (read(fd, &byte, 1) != 1) fail("read");
  close(fd);
}

void client(const sockaddr_in& address, double seconds, std::atomic<long>& total) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  long made = 0;
  for (; std::chrono::steady_clock::now() < end; ++made) connect_once(address);
  total += made;
}

int connect_for(const char* to, const char* port, double seconds) {
  const sockaddr_in address = endpoint(to, port);
  void* shared =
      mmap(nullptr, sizeof(std::atomic<long>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap");
  auto& total = *new (shared) std::atomic<long>(0);
  std::array<pid_t, kClients> clients{};
  for (pid_t& pid : clients) {
    if ((pid = fork()) == 0) {
      try {
        client(address, seconds, total);
      } catch (const std::exception& error) {
        std::fprintf(stderr, "warren-connections: %s\n", error.what());
        _exit(1);
      }
      _exit(0);
    }
  }
  int failed = 0;
  for (const pid_t pid : clients) {
    int status = 0;
    failed += waitpid(pid, &status, 0) != pid || status != 0;
  }
  std::printf("{\"per_second\": %.1f}\n", static_cast<double>(total) / seconds);
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "serve" && argc == 3) serve(argv[2]);
  if (mode == "connect" && argc == 5) return connect_for(argv[2], argv[3], std::atof(argv[4]));
  throw std::invalid_argument("usage: warren-connections serve PORT | connect ADDRESS PORT SECONDS");
} catch (const std::exception& error) {
  std::fprintf(stderr, "warren-connections: %s\n", error.what());
  return 1;
}
