// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/runner.h"

#include <cerrno>
#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "nft/library.h"
#include "nft/table.h"

namespace warren::nft {
namespace {

/// nft's own words, on one line, and the kind of failure read from them: libnftables gives no errno.
Error refused(std::string_view said) {
  const auto line = said.substr(0, said.find('\n'));
  Error error{Code::failed, 0,
              fmt::format("nft: {}", line.empty() ? "the kernel refused the transaction" : line)};
  if (said.find("No such file or directory") != said.npos)
    error.code = Code::not_found, error.sys = ENOENT;
  else if (said.find("File exists") != said.npos)
    error.code = Code::exists, error.sys = EEXIST;
  else if (said.find("Operation not permitted") != said.npos)
    error.code = Code::permission, error.sys = EPERM;
  return error;
}

/// libnftables opens its netlink sockets without close-on-exec; a program that we start must not get them.
/// Every netfilter socket of this process is ours or its.
void close_on_exec() {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir("/proc/self/fd"), ::closedir);
  while (const auto* entry = dir ? ::readdir(dir.get()) : nullptr) {
    int fd = -1, domain = 0, protocol = 0;
    const std::string_view name(entry->d_name);
    if (std::from_chars(name.data(), name.data() + name.size(), fd).ec != std::errc{}) continue;
    socklen_t size = sizeof domain;
    if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_NETLINK) continue;
    if (::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0 || protocol != NETLINK_NETFILTER)
      continue;
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

}  // namespace

struct Runner::Context {
  const Library& nft;
  nft_ctx* ctx;
  Context(const Library& library, nft_ctx* made) : nft(library), ctx(made) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { nft.ctx_free(ctx); }
};

Runner::Runner(std::unique_ptr<Context> context) : context_(std::move(context)) {}
Runner::Runner(Runner&&) noexcept = default;
Runner& Runner::operator=(Runner&&) noexcept = default;
Runner::~Runner() = default;

Result<Runner> Runner::open() {
  const auto& nft = *TRY(library());
  auto* ctx = nft.ctx_new(NFT_CTX_DEFAULT);
  if (!ctx) return fail(Code::failed, "nft: no context; is this kernel without nf_tables?");
  close_on_exec();
  nft.buffer_output(ctx);
  nft.buffer_error(ctx);
  return Runner(std::make_unique<Context>(nft, ctx));
}

Status Runner::run(const std::string& text) {
  if (text.empty()) return {};
  const auto& [nft, ctx] = *context_;
  if (nft.run(ctx, text.c_str()) == 0) return {};
  return std::unexpected(refused(nft.error(ctx)));
}

Result<std::string> Runner::output(const std::string& command, unsigned flags) {
  const auto& [nft, ctx] = *context_;
  const auto before = nft.flags(ctx);
  nft.set_flags(ctx, flags);
  const int failed = nft.run(ctx, command.c_str());
  nft.set_flags(ctx, before);
  if (failed) return std::unexpected(refused(nft.error(ctx)));
  return std::string(nft.output(ctx));
}

Result<std::string> Runner::list_rules() {
  auto text = output(fmt::format("list table inet {}", kTable),
                     NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_TERSE | NFT_CTX_OUTPUT_NUMERIC_ALL);
  if (!text && text.error().code == Code::not_found) return std::string();
  return text;
}

Result<std::string> Runner::list_json(const std::string& command) {
  return output(command, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_STATELESS | NFT_CTX_OUTPUT_NUMERIC_ALL);
}

}  // namespace warren::nft
