// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

namespace warren::nft {
namespace {

template <class F>
bool find(void* handle, const char* symbol, F& function) {
  function = reinterpret_cast<F>(::dlsym(handle, symbol));
  return function != nullptr;
}

Result<Library> load() {
  void* handle = ::dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  Library found{};
  const bool whole = handle && find(handle, "nft_ctx_new", found.ctx_new) &&
                     find(handle, "nft_ctx_free", found.ctx_free) &&
                     find(handle, "nft_ctx_buffer_output", found.buffer_output) &&
                     find(handle, "nft_ctx_buffer_error", found.buffer_error) &&
                     find(handle, "nft_ctx_get_output_buffer", found.output) &&
                     find(handle, "nft_ctx_get_error_buffer", found.error) &&
                     find(handle, "nft_ctx_output_get_flags", found.flags) &&
                     find(handle, "nft_ctx_output_set_flags", found.set_flags) &&
                     find(handle, "nft_run_cmd_from_buffer", found.run);
  if (whole) return found;
  return fail(Code::failed, fmt::format("{}; is the package libnftables1 installed?", ::dlerror()));
}

}  // namespace

Result<const Library*> library() {
  static const Result<Library> loaded = load();
  if (!loaded) return std::unexpected(loaded.error());
  return &*loaded;
}

}  // namespace warren::nft
