// SPDX-License-Identifier: GPL-2.0-or-later
#include <cerrno>
#include <charconv>
#include <unistd.h>

#include "host/host.h"
#include "sys/file.h"
#include "sys/sysctl.h"

namespace warren::host {

Result<Originals> Originals::load(const Place& place) {
  Originals originals(place.in_run("sysctl"));
  const auto text = sys::read_file(originals.path_);
  if (!text && text.error().code == Code::not_found) return originals;
  if (!text) return std::unexpected(text.error());
  for (std::string_view rest = *text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto equals = line.find('=');
    int value = 0;
    if (equals == line.npos || !sys::Sysctl::parse(line.substr(0, equals))) continue;
    const auto digits = line.substr(equals + 1);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc{})
      originals.values_.emplace(line.substr(0, equals), value);
  }
  return originals;
}

Status Originals::remember(const std::vector<model::SysctlChange>& changes) {
  for (const auto& change : changes)
    values_.emplace(change.key, change.from);  // the first value is the original
  std::string text;
  for (const auto& [key, value] : values_) text += key + "=" + std::to_string(value) + "\n";
  return sys::write_atomically(path_, text);
}

Status Originals::restore() {
  for (const auto& [key, value] : values_)
    if (const auto sysctl = sys::Sysctl::parse(key)) {
      const auto status = sys::write_sysctl(*sysctl, value);
      if (!status && status.error().code != Code::not_found) return status;  // the interface may be gone
    }
  values_.clear();
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, "remove " + path_);
  return {};
}

}  // namespace warren::host
