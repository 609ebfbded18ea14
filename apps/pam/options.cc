// SPDX-License-Identifier: GPL-2.0-or-later
#include "options.h"

#include <charconv>
#include <security/pam_ext.h>
#include <string_view>
#include <syslog.h>

namespace warren::pam {
namespace {

constexpr unsigned kLongestMs = 3600 * 1000;

/// The number at the start of the text; `rest` is what follows it.
bool read_number(std::string_view text, unsigned& number, std::string_view& rest) {
  const auto* end = text.data() + text.size();
  const auto [after, error] = std::from_chars(text.data(), end, number);
  rest = std::string_view(after, static_cast<std::size_t>(end - after));
  return error == std::errc{};
}

bool read_timeout(std::string_view text, int& timeout_ms) {
  unsigned number = 0;
  std::string_view unit;
  if (!read_number(text, number, unit) || number == 0 || number > kLongestMs) return false;
  if (unit != "ms") number *= 1000;  // an hour in ms times 1000 still fits
  if ((unit != "ms" && unit != "s" && !unit.empty()) || number > kLongestMs) return false;
  timeout_ms = static_cast<int>(number);
  return true;
}

bool read_min_uid(std::string_view text, std::optional<uid_t>& uid) {
  uid_t number = 0;
  if (!read_uid(text, number)) return false;
  uid = number;
  return true;
}

bool read_on_error(std::string_view text, Options::OnError& on_error) {
  if (text != "deny" && text != "host") return false;
  on_error = text == "host" ? Options::OnError::host : Options::OnError::deny;
  return true;
}

bool read_helper(const char* text, const char*& helper) {
  if (*text != '/') return false;
  helper = text;
  return true;
}

bool read_group(const char* text, Options& options) {
  if (*text == '\0' || options.skip_group_count == options.skip_groups.size()) return false;
  options.skip_groups[options.skip_group_count++] = text;
  return true;
}

bool read_value(std::string_view key, const char* value, Options& options) {
  if (key == "helper") return read_helper(value, options.helper);
  if (key == "timeout") return read_timeout(value, options.timeout_ms);
  if (key == "on_error") return read_on_error(value, options.on_error);
  if (key == "min_uid") return read_min_uid(value, options.min_uid);
  if (key == "skip_group") return read_group(value, options);
  return false;
}

bool read_flag(std::string_view word, Options& options) {
  bool* const flag = word == "create"        ? &options.create
                     : word == "private_etc" ? &options.private_etc
                     : word == "debug"       ? &options.debug
                                             : nullptr;
  if (flag) *flag = true;
  return flag != nullptr;
}

bool read_word(const char* word, Options& options) {
  const std::string_view text(word);
  const auto equals = text.find('=');
  if (equals == text.npos) return read_flag(text, options);
  return read_value(text.substr(0, equals), word + equals + 1, options);
}

}  // namespace

bool read_uid(std::string_view text, uid_t& uid) {
  std::string_view rest;
  return read_number(text, uid, rest) && rest.empty();
}

Options read_options(pam_handle_t* pamh, int argc, const char** argv) {
  Options options;
  for (int i = 0; i < argc; ++i)
    if (!read_word(argv[i], options)) pam_syslog(pamh, LOG_ERR, "bad option ignored: %s", argv[i]);
  return options;
}

}  // namespace warren::pam
