// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <nftables/libnftables.h>

#include "base/result.h"

namespace warren::nft {

/// The functions of libnftables(3) that we use. It is loaded when the first of them is needed: it and what it
/// brings along cost more time to start than the rest of a change, and most changes are of elements only.
struct Library {
  decltype(&nft_ctx_new) ctx_new;
  decltype(&nft_ctx_free) ctx_free;
  decltype(&nft_ctx_buffer_output) buffer_output;
  decltype(&nft_ctx_buffer_error) buffer_error;
  decltype(&nft_ctx_get_output_buffer) output;
  decltype(&nft_ctx_get_error_buffer) error;
  decltype(&nft_ctx_output_get_flags) flags;
  decltype(&nft_ctx_output_set_flags) set_flags;
  decltype(&nft_run_cmd_from_buffer) run;
};

/// Stays loaded until the process ends. Error: it is not installed.
[[nodiscard]] Result<const Library*> library();

}  // namespace warren::nft
