// SPDX-License-Identifier: GPL-2.0-or-later
// What PAM calls: the only names that the module exports.
#include "session.h"

using namespace warren::pam;

extern "C" {

[[gnu::visibility("default")]] int pam_sm_acct_mgmt(pam_handle_t* pamh, int flags, int argc,
                                                    const char** argv) {
  return check_account(pamh, flags, read_options(pamh, argc, argv));
}

[[gnu::visibility("default")]] int pam_sm_open_session(pam_handle_t* pamh, int flags, int argc,
                                                       const char** argv) {
  return open_session(pamh, flags, read_options(pamh, argc, argv));
}

[[gnu::visibility("default")]] int pam_sm_close_session(pam_handle_t* pamh, int, int, const char**) {
  return close_session(pamh);
}

}  // extern "C"
