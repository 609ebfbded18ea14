// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/resolver.h"

#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "proxy/address.h"

namespace warren::daemon {
namespace {

constexpr auto kFresh = std::chrono::seconds(30);
constexpr auto kRetry = std::chrono::seconds(2);

Resolver::Answer look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  Resolver::Answer answer{host, {}, {}};
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(error == 0 ? list : nullptr, ::freeaddrinfo);
  if (error != 0) answer.error = ::gai_strerror(error);
  for (const auto* entry = owner.get(); entry != nullptr; entry = entry->ai_next) {
    sockaddr_storage storage{};
    if (entry->ai_addrlen > sizeof storage) continue;
    std::copy_n(static_cast<const char*>(static_cast<const void*>(entry->ai_addr)), entry->ai_addrlen,
                static_cast<char*>(static_cast<void*>(&storage)));
    const auto ip = proxy::Address::from(storage).ip();
    if (std::ranges::find(answer.addresses, ip) == answer.addresses.end()) answer.addresses.push_back(ip);
  }
  return answer;
}

}  // namespace

Resolver::Resolver()
    : ready_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Resolver::want(std::set<std::string> hosts) {
  const std::lock_guard hold(mutex_);
  std::erase_if(hosts_, [&](const auto& entry) { return !hosts.contains(entry.first); });
  for (const auto& host : hosts) hosts_.try_emplace(host);
  changed_.notify_all();
}

std::vector<Resolver::Answer> Resolver::answers() {
  std::uint64_t count = 0;
  (void)!::read(ready_.get(), &count, sizeof count);
  const std::lock_guard hold(mutex_);
  return std::exchange(answers_, {});
}

void Resolver::put(const std::string& host, Answer answer) {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return;  // no longer wanted
  auto& state = found->second;
  state.next = Clock::now() + (answer.addresses.empty() ? kRetry : kFresh);
  if (answer.addresses == state.addresses && answer.error == state.error) return;
  state.error = answer.error;
  if (!answer.addresses.empty()) state.addresses = answer.addresses;
  answers_.push_back(std::move(answer));
  const std::uint64_t one = 1;
  (void)!::write(ready_.get(), &one, sizeof one);
}

void Resolver::run(const std::stop_token& stop) {
  std::unique_lock hold(mutex_);
  while (!stop.stop_requested()) {
    const auto first =
        std::ranges::min_element(hosts_, {}, [](const auto& entry) { return entry.second.next; });
    if (first == hosts_.end()) {
      changed_.wait(hold, stop, [&] { return !hosts_.empty(); });
      continue;
    }
    const auto next = first->second.next;
    if (next > Clock::now()) {
      const auto before = hosts_.size();
      changed_.wait_until(hold, stop, next, [&] { return hosts_.size() != before; });
      continue;
    }
    const auto host = first->first;
    hold.unlock();
    auto answer = look_up(host);
    hold.lock();
    put(host, std::move(answer));
  }
}

}  // namespace warren::daemon
