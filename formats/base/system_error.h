#pragma once
// The one table from errno to ErrorId, shared by the real and the simulated file system so that a test sees
// exactly the Error that the kernel would have caused.
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include "formats/base/error.h"

namespace zkark {

/// Which id stands for an errno.
inline ErrorId error_id_of_errno(int number) {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
      return ErrorId::kDiskFull;
    case ENOENT:
      return ErrorId::kNoFile;
    case EACCES:
    case EPERM:
      return ErrorId::kPermission;
    case EEXIST:
      return ErrorId::kExists;
    case ENOMEM:
      return ErrorId::kOutOfMemory;
    default:
      return ErrorId::kStorage;
  }
}

/// What an operator can do about it; empty where the words of the system say it all.
inline std::string_view hint_of_errno(int number) {
  switch (number) {
    case ENOSPC:
      return "free space on that file system, then run again";
    case EDQUOT:
      return "raise the disk quota or free space, then run again";
    case EACCES:
    case EPERM:
      return "run as the owner of the files";
    case EROFS:
      return "the file system is mounted read-only; choose another place or remount it";
    case EIO:
      return "the device or its driver failed; look at the kernel log (dmesg)";
    case EMFILE:
      return "raise the limit of open files (ulimit -n)";
    case ESTALE:
      return "the network file system lost the file; check the mount";
    default:
      return {};
  }
}

/// Error for a failed call: "cannot open: No such file or directory", at `path`, with errno and hint.
/// `doing` is an infinitive without "to".
inline Error system_error(int number, std::string_view doing, std::string_view path) {
  std::string message = "cannot ";
  message.append(doing).append(": ").append(std::generic_category().message(number));
  return Error(error_id_of_errno(number), std::move(message))
      .at(path)
      .with_errno(number)
      .with_hint(std::string(hint_of_errno(number)));
}

/// The same for open() and info(), where ENOTDIR is kNoFile: nothing can be at "file/x", which is what a
/// caller of exists() asks. (Elsewhere it is not: list("file") must not look like an absent directory.)
inline Error lookup_error(int number, std::string_view doing, std::string_view path) {
  if (number != ENOTDIR) return system_error(number, doing, path);
  return Error(ErrorId::kNoFile, system_error(number, doing, path).message()).at(path).with_errno(number);
}

}  // namespace zkark
