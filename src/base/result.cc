// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace warren {

Error Error::wrap(std::string_view context) && {
  what.insert(0, ": ").insert(0, context);
  return std::move(*this);
}

std::unexpected<Error> fail(Code code, std::string what) {
  return std::unexpected(Error{code, 0, std::move(what)});
}

std::unexpected<Error> fail_errno(int sys, std::string_view what) {
  std::string text(what);
  text.append(": ").append(std::strerror(sys));
  return std::unexpected(Error{code_of(sys), sys, std::move(text)});
}

Code code_of(int sys) {
  switch (sys) {
    case ENOENT:
    case ENODEV:
    case ESRCH:
      return Code::not_found;
    case EEXIST:
      return Code::exists;
    case EPERM:
    case EACCES:
      return Code::permission;
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return Code::unsupported;
    default:
      return Code::failed;
  }
}

}  // namespace warren
