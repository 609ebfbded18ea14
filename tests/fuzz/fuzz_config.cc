// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever stands in a configuration file gives settings that hold together, or one line that says what is
// wrong.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto settings = warren::config::parse_settings(text, "fuzz");
  if (!settings) {
    const auto& error = settings.error();
    if (error.code != warren::Code::usage || !error.what.starts_with("fuzz:")) std::abort();
    if (error.what.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  const auto prefix = settings->pool.prefix();
  if (!settings->pool.network().is_v4() || prefix < 16 || prefix > 24) std::abort();
  if (settings->ula && settings->ula->prefix() != 48) std::abort();
  if (settings->no_uplink && settings->uplink) std::abort();
  if (settings->port_range.first < 1 || settings->port_range.first > settings->port_range.last) std::abort();
  return 0;
}
