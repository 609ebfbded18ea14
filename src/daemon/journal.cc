// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "sys/file.h"

namespace warren::daemon {
namespace {

constexpr off_t kMostBytes = 1 << 20;

void rotate_when_large(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && info.st_size >= kMostBytes)
    (void)std::rename(path.c_str(), (path + ".1").c_str());
}

}  // namespace

void say(Level level, std::string_view text) {
  static const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  const auto prefix = journal ? fmt::format("<{}>", static_cast<char>(level)) : std::string("warrend: ");
  fmt::print(stderr, "{}{}\n", prefix, printable(text));
}

std::string timestamp() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now - seconds).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), milliseconds);
}

void record_event(const Place& place, std::string_view event, const std::string& json_fields) {
  const auto path = place.in_run("events.jsonl");
  rotate_when_large(path);
  const auto file = sys::open_file(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  if (!file) return say(Level::warning, file.error().what);
  const auto line = fmt::format("{{\"time\":\"{}\",\"event\":\"{}\",{}}}\n", timestamp(), event, json_fields);
  if (::write(file->get(), line.data(), line.size()) < 0) say(Level::warning, "cannot write " + path);
}

}  // namespace warren::daemon
