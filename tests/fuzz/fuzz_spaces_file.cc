// SPDX-License-Identifier: GPL-2.0-or-later
// Whatever stands in a file for `apply` gives spaces that can stand side by side and survive export and
// reading back, or one line that says what is wrong.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "config/spaces_file.h"

namespace {

using warren::model::Space;

std::vector<Space> spaces_of(const warren::config::SpacesFile& file) {
  std::vector<Space> spaces;
  for (const auto& entry : file.spaces) {
    Space space;
    space.number = entry.number.value_or(warren::kFirstNumber);
    space.name = entry.name;
    space.ip4 = entry.ip4;
    space.ip6 = entry.ip6;
    space.nat = entry.nat;
    space.state = entry.up ? warren::model::State::up : warren::model::State::down;
    for (const auto& spec : entry.ports)
      if (spec.ports)
        for (const auto& forward : spec.forwards(*spec.ports)) space.forwards.push_back(forward);
    std::ranges::sort(space.forwards);
    spaces.push_back(space);
  }
  return spaces;
}

void check_apart(const std::vector<Space>& spaces) {
  std::vector<warren::model::Forward> all;
  for (const auto& space : spaces) all.insert(all.end(), space.forwards.begin(), space.forwards.end());
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (all[i].collides(all[k])) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto file = warren::config::parse_spaces(text, "fuzz");
  if (!file) {
    const auto& error = file.error();
    if (error.code != warren::Code::usage || !error.what.starts_with("fuzz:")) std::abort();
    if (error.what.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  for (const auto& entry : file->spaces)
    if (!entry.number) return 0;  // an export has them all
  const auto spaces = spaces_of(*file);
  check_apart(spaces);
  const auto again = warren::config::parse_spaces(warren::config::write_spaces(spaces), "export");
  if (!again || spaces_of(*again) != spaces) std::abort();
  return 0;
}
