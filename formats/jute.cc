#include "formats/jute.h"

namespace zkark {

Error JuteReader::error(std::uint64_t base) const {
  ZK_CHECK(failed_);
  const char* message = "malformed field";
  switch (failure_) {
    case ErrorId::kTruncated:
      message = "the bytes end inside a field";
      break;
    case ErrorId::kBadLength:
      message = "a length or count is negative or above the limit";
      break;
    case ErrorId::kBadRecord:
      message = "a path is null";
      break;
    case ErrorId::kUnknownTxn:
      message = "unknown transaction type";
      break;
    case ErrorId::kLeftoverBytes:
      message = "bytes are left over after the body, and they are no digest";
      break;
    default:
      break;
  }
  return Error(failure_, message).at_offset(base + failed_at_);
}

}  // namespace zkark
