// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>

#include "commands.h"
#include "output.h"

namespace warren::cli {
void register_monitor(CLI::App&, Context&) {}
}  // namespace warren::cli
