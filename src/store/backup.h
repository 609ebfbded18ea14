// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "types/names.h"

namespace warren::store {

/// Writes all that the store at `store` holds to `file` (mode 0600), which needs no other file beside it.
/// Others may read and write the store meanwhile. The file is whole and on disk when this returns without an
/// error, and there is none after an error. Error: not_found (there is no store), exists (`file` is there,
/// and `replace` does not say that it goes), usage (`file` is the store itself or no regular file).
[[nodiscard]] Status back_up(const std::string& store, const std::string& file, bool replace);

struct Restored {
  std::size_t spaces = 0;
  std::vector<SpaceName> leaving;  ///< what `file` does not have, and the store now has as being removed
  std::string before;              ///< where a copy of what the store held is; empty where there was none
};

/// Puts what `file` holds, a store of this warren or an earlier one, in the place of what the store at
/// `store` holds, in one transaction; who has the store open reads the new content from then on. Spaces that
/// are up and that `file` does not have stay as ones that are being removed, so that the next `up` takes them
/// away. Numbers that were given before are not given again at once. The caller holds the writers' lock.
/// After an error nothing was changed. Error: not_found, usage (`file` is no store, is damaged, or was
/// written by a newer warren), exists (a space of `file` has the number or the address of one that is up
/// under another name).
[[nodiscard]] Result<Restored> restore(const std::string& store, const std::string& file);

}  // namespace warren::store
