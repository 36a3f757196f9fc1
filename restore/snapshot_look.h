#pragma once
// Whether a snapshot is worth being believed by its name, told from its first and last bytes.
#include "restore/source.h"

namespace zkark::restore {

/// False where it has no seal (being written, or its server died over it; an empty file) or does not begin as
/// a snapshot does, and where it is gone. Fails where it cannot be read: a snapshot that a lack of file
/// descriptors hides is none that may be passed over.
Result<bool> looks_complete(Source& source, const SourceFile& snapshot);

/// The newest snapshot above `zxid` that looks complete; null: none.
Result<const SourceFile*> newest_complete(Source& source, const SourceListing& listing, std::int64_t zxid);

}  // namespace zkark::restore
