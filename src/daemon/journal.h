// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "base/place.h"

namespace warren::daemon {

/// syslog(3)'s levels, as far as they are used.
enum class Level : char { error = '3', warning = '4', notice = '5', info = '6' };

/// One line on standard error, with the level in front where the journal reads it (sd-daemon(3)).
void say(Level level, std::string_view text);

/// One line of events.jsonl where the place keeps what runs: what happened, and its lines of detail. The file
/// is renamed to events.jsonl.1 when it has grown to a mebibyte, so that it never takes more than two.
void record_event(const Place& place, std::string_view event, const std::string& json_fields);

/// The time as RFC 3339 writes it, UTC, with milliseconds.
[[nodiscard]] std::string timestamp();

}  // namespace warren::daemon
