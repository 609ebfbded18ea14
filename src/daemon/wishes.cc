// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/wishes.h"

#include "config/settings.h"
#include "store/meta.h"
#include "store/services.h"
#include "store/spaces.h"

namespace warren::daemon {

Status WishReader::reload() {
  auto settings = TRY(config::load_settings(config_, false));
  configured_ula_ = settings.ula;
  if (!settings.ula) settings.ula = wishes_.settings.ula;
  wishes_.settings = std::move(settings);
  version_.reset();
  return {};
}

Result<bool> WishReader::read() {
  if (!store_) {
    // One that is opened before it was made stays empty for ever.
    auto store = TRY(store::Store::open_read_only(place_.store));
    if (!store.is_on_disk()) return false;
    store_ = std::move(store);
  }
  const auto version = TRY(store_->data_version());
  if (version_ == version) return false;
  auto spaces = TRY(store_->spaces().all());
  auto services = TRY(store_->services().all());
  if (wishes_.settings.ipv6 && !configured_ula_) wishes_.settings.ula = TRY(store_->meta().ula());
  wishes_.spaces = std::move(spaces);
  wishes_.services = std::move(services);
  version_ = version;
  return true;
}

}  // namespace warren::daemon
