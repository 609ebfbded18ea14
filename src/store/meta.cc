// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/meta.h"

#include "store/database.h"

namespace warren::store {

Result<std::optional<Cidr>> Meta::ula() {
  auto query = TRY(db_->prepare("SELECT value FROM meta WHERE key = 'ula'"));
  if (!TRY(query.step())) return std::nullopt;
  const auto ula = Cidr::parse(query.text(0));
  if (!ula) return db_->damaged("an impossible ULA");
  return *ula;
}

Status Meta::set_ula(const Cidr& ula) {
  const auto text = ula.str();
  auto update = TRY(db_->prepare("INSERT OR REPLACE INTO meta(key, value) VALUES('ula', ?)"));
  return update.bind(text).run();
}

Result<SpaceNumber> Meta::last_number() {
  auto query = TRY(db_->prepare("SELECT value FROM meta WHERE key = 'last_number'"));
  if (!TRY(query.step())) return kHostNumber;
  const auto number = query.number(0);
  if (number < kHostNumber || number > kLastNumber) return db_->damaged("an impossible last number");
  return static_cast<SpaceNumber>(number);
}

Status Meta::set_last_number(SpaceNumber number) {
  auto update = TRY(db_->prepare("INSERT OR REPLACE INTO meta(key, value) VALUES('last_number', ?)"));
  return update.bind(number).run();
}

Result<std::int64_t> Meta::revision() { return db_->number("SELECT value FROM meta WHERE key = 'revision'"); }

Status Meta::set_revision(std::int64_t revision) {
  auto update = TRY(db_->prepare("UPDATE meta SET value = ? WHERE key = 'revision'"));
  return update.bind(revision).run();
}

}  // namespace warren::store
