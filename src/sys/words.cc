// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys/words.h"

namespace warren::sys {

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> all;
  all.reserve(words.size() + 1);
  for (const auto& word : words) all.push_back(const_cast<char*>(word.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace warren::sys
