#pragma once
// Whether a snapshot is worth being believed by its name, told from its first and last bytes, or from all.
#include "formats/base/job.h"
#include "restore/source.h"

namespace zkark::restore {

/// False where it has no seal (being written, or its server died over it; an empty file) or does not begin as
/// a snapshot does, and where it is gone. Fails where it cannot be read: a snapshot that a lack of file
/// descriptors hides is none that may be passed over.
Result<bool> looks_complete(Source& source, const SourceFile& snapshot);

/// Reads all of it and keeps nothing: the errors of SnapshotReader, with the file, and those of reading.
/// Little memory, as long as it takes to read; adds what it reads to job.progress.done.
Status read_through(Source& source, const SourceFile& snapshot, Job& job);

/// The newest snapshot above `zxid` that looks complete; null: none.
Result<const SourceFile*> newest_complete(Source& source, const SourceListing& listing, std::int64_t zxid);

}  // namespace zkark::restore
