// SPDX-License-Identifier: GPL-2.0-or-later
#include "target.h"

#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <syslog.h>

#include "index.h"

namespace warren::pam {
namespace {

bool is_exempt(pam_handle_t* pamh, const Options& options, const passwd& user) {
  if (user.pw_uid == 0 || user.pw_uid < (options.min_uid ? *options.min_uid : min_uid())) return true;
  for (std::size_t i = 0; i < options.skip_group_count; ++i)
    if (pam_modutil_user_in_group_nam_nam(pamh, user.pw_name, options.skip_groups[i])) return true;
  return false;
}

}  // namespace

int find_target(pam_handle_t* pamh, const Options& options, Target& target) {
  const void* name = nullptr;  // not pam_get_user(): it would ask for a name where there is none
  if (pam_get_item(pamh, PAM_USER, &name) != PAM_SUCCESS || !name) return PAM_USER_UNKNOWN;
  target.entry = pam_modutil_getpwnam(pamh, static_cast<const char*>(name));
  if (!target.entry) {
    pam_syslog(pamh, LOG_ERR, "%s: no such user", static_cast<const char*>(name));
    return PAM_USER_UNKNOWN;
  }
  target.exempt = is_exempt(pamh, options, *target.entry);
  return PAM_SUCCESS;
}

}  // namespace warren::pam
