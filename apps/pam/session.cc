// SPDX-License-Identifier: GPL-2.0-or-later
#include "session.h"

#include <cerrno>
#include <cstring>
#include <security/pam_ext.h>
#include <syslog.h>

#include "helper.h"
#include "index.h"
#include "netns.h"
#include "place.h"
#include "target.h"

namespace warren::pam {
namespace {

using Standing = Found::Standing;

/// Not PAM_SESSION_ERR: sudo takes that for a trifle, and runs the command wherever it is.
constexpr int kRefuseSession = PAM_SYSTEM_ERR;
constexpr int kRefuseAccount = PAM_PERM_DENIED;

void mention(pam_handle_t* pamh, const Options& options, const char* user, const char* what) {
  if (options.debug) pam_syslog(pamh, LOG_DEBUG, "%s: %s", user, what);
}

/// The user's space, after the helper did what it could for one that is not ready or, with `create`, not
/// there. When it is ready then, it does not matter who made it so.
Found ready_space(pam_handle_t* pamh, const Options& options, const passwd& user) {
  auto found = find_space(pamh, user);
  if (found.standing == Standing::ready || (found.standing == Standing::no_space && !options.create))
    return found;
  mention(pamh, options, user.pw_name, found.reason.text);
  Reason failure;
  const bool ran = run_helper(options, user.pw_name, failure);
  found = find_space(pamh, user);
  if (found.standing == Standing::ready || (ran && found.standing == Standing::no_space && !options.create))
    return found;
  if (!ran) found.reason = failure;
  if (ran && found.standing == Standing::no_space) found.reason.fail("the helper made no space");
  found.standing = Standing::not_ready;
  return found;
}

/// PAM_IGNORE: the other modules of the stack decide.
int ignore(pam_handle_t* pamh, const Options& options, const char* user) {
  mention(pamh, options, user, "has no space");
  return PAM_IGNORE;
}

int refuse(pam_handle_t* pamh, int flags, const char* user, int code, const Reason& reason) {
  pam_syslog(pamh, LOG_ERR, "%s: refused: %s", user, reason.text);
  if (!(static_cast<unsigned>(flags) & PAM_SILENT)) pam_error(pamh, "Your space is not ready.");
  return code;
}

Placed place_on_host(pam_handle_t* pamh, const Options& options, Reason& reason) {
  const auto host = host_netns();
  if (host.valid()) return place(pamh, host, "", options, reason);
  reason.fail("cannot find the host's network namespace: %s", std::strerror(errno));
  return Placed::failed;
}

/// Never refused: root and the rescue group come in whatever is wrong with warren.
int open_exempt(pam_handle_t* pamh, const Options& options, const char* user) {
  Reason reason;
  const auto placed = place_on_host(pamh, options, reason);
  if (placed == Placed::failed) pam_syslog(pamh, LOG_ERR, "%s: stays where it is: %s", user, reason.text);
  if (placed == Placed::moved)
    pam_syslog(pamh, LOG_INFO, "%s: session in the host's network namespace", user);
  if (placed == Placed::there_already) mention(pamh, options, user, "belongs on the host, and is there");
  return PAM_SUCCESS;
}

/// What on_error= says of a session that cannot be in its space.
int open_failed(pam_handle_t* pamh, int flags, const Options& options, const char* user, const Reason& why) {
  if (options.on_error == Options::OnError::deny) return refuse(pamh, flags, user, kRefuseSession, why);
  Reason reason;
  if (place_on_host(pamh, options, reason) == Placed::failed)
    return refuse(pamh, flags, user, kRefuseSession, reason);
  pam_syslog(pamh, LOG_ERR, "%s: session on the host, not in its space: %s", user, why.text);
  return PAM_SUCCESS;
}

int open_in_space(pam_handle_t* pamh, int flags, const Options& options, const char* user,
                  const Found& found) {
  Reason reason;
  const auto placed = place(pamh, found.ns, found.space, options, reason);
  if (placed == Placed::failed) return open_failed(pamh, flags, options, user, reason);
  if (placed == Placed::moved) pam_syslog(pamh, LOG_INFO, "%s: session in space %s", user, found.space);
  if (placed == Placed::there_already) mention(pamh, options, user, "is in its space already");
  return PAM_SUCCESS;
}

}  // namespace

int check_account(pam_handle_t* pamh, int flags, const Options& options) {
  Target target;
  if (const int code = find_target(pamh, options, target); code != PAM_SUCCESS) return code;
  const char* const user = target.entry->pw_name;
  if (target.exempt) return PAM_SUCCESS;
  const auto found = ready_space(pamh, options, *target.entry);
  if (found.standing == Standing::ready) return PAM_SUCCESS;
  if (found.standing == Standing::no_space) return ignore(pamh, options, user);
  if (options.on_error == Options::OnError::deny)
    return refuse(pamh, flags, user, kRefuseAccount, found.reason);
  pam_syslog(pamh, LOG_ERR, "%s: let in without its space: %s", user, found.reason.text);
  return PAM_SUCCESS;
}

int open_session(pam_handle_t* pamh, int flags, const Options& options) {
  Target target;
  if (const int code = find_target(pamh, options, target); code != PAM_SUCCESS) return code;
  const char* const user = target.entry->pw_name;
  if (target.exempt) return open_exempt(pamh, options, user);
  const auto found = ready_space(pamh, options, *target.entry);
  if (found.standing == Standing::ready) return open_in_space(pamh, flags, options, user, found);
  if (found.standing == Standing::no_space) return ignore(pamh, options, user);
  return open_failed(pamh, flags, options, user, found.reason);
}

int close_session(pam_handle_t* pamh) {
  put_back(pamh);
  return PAM_SUCCESS;
}

}  // namespace warren::pam
