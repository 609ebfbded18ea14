// SPDX-License-Identifier: GPL-2.0-or-later
// warren-logins CONFDIR ROUNDS SERVICE USER [SERVICE USER]...: what PAM's part of a login takes, in turns.
//
// Each login is a process of its own, as sshd and su have one, that starts PAM with the service file
// CONFDIR/SERVICE, opens the session and closes it. Prints a JSON list for each pair: the nanoseconds of its
// logins, in order.
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <security/pam_appl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

int converse(int count, const pam_message**, pam_response** replies, void*) {
  *replies = static_cast<pam_response*>(std::calloc(static_cast<std::size_t>(count), sizeof **replies));
  return *replies ? PAM_SUCCESS : PAM_BUF_ERR;
}

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// The whole of it; negative when PAM refuses.
std::int64_t log_in(const char* services, const char* service, const char* user) {
  const pam_conv conversation{converse, nullptr};
  pam_handle_t* handle = nullptr;
  const auto began = now();
  bool ok = pam_start_confdir(service, user, &conversation, services, &handle) == PAM_SUCCESS &&
            pam_open_session(handle, 0) == PAM_SUCCESS;
  ok = ok && pam_close_session(handle, 0) == PAM_SUCCESS;
  ok = pam_end(handle, PAM_SUCCESS) == PAM_SUCCESS && ok;
  return ok ? now() - began : -1;
}

std::int64_t log_in_elsewhere(const char* services, const char* service, const char* user) {
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  const pid_t pid = ::fork();
  if (pid == 0) {
    const auto took = log_in(services, service, user);
    ::_exit(::write(ends[1], &took, sizeof took) == sizeof took ? 0 : 1);
  }
  ::close(ends[1]);
  std::int64_t took = -1;
  if (pid < 0 || ::read(ends[0], &took, sizeof took) != sizeof took) took = -1;
  ::close(ends[0]);
  while (pid > 0 && ::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) continue;
  return took;
}

void print(const std::vector<std::int64_t>& times) {
  std::printf("[");
  for (std::size_t i = 0; i < times.size(); ++i)
    std::printf("%s%lld", i ? ", " : "", static_cast<long long>(times[i]));
  std::printf("]");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5 || argc % 2 == 0)
    return std::fputs("usage: warren-logins CONFDIR ROUNDS SERVICE USER...\n", stderr), 2;
  // Ahead of what else the machine does: a login that lost its turn for some milliseconds says nothing of
  // PAM.
  ::setpriority(PRIO_PROCESS, 0, -20);
  const int rounds = std::atoi(argv[2]);
  const auto kinds = static_cast<std::size_t>(argc - 3) / 2;
  std::vector<std::vector<std::int64_t>> times(kinds);
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < kinds; ++turn) {
      const auto kind =
          (turn + static_cast<std::size_t>(round)) % kinds;  // nobody always comes after the same other
      const char* const service = argv[3 + 2 * kind];
      const char* const user = argv[4 + 2 * kind];
      times[kind].push_back(log_in_elsewhere(argv[1], service, user));
      if (times[kind].back() >= 0) continue;
      std::fprintf(stderr, "warren-logins: no session for %s by %s\n", user, service);
      return 1;
    }
  }
  std::printf("[");
  for (std::size_t i = 0; i < kinds; ++i) {
    if (i) std::printf(", ");
    print(times[i]);
  }
  std::printf("]\n");
  return 0;
}
