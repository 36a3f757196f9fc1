#include "restore/snapshot_look.h"

#include "formats/snap_stream.h"
#include "formats/snapshot.h"

namespace zkark::restore {

bool looks_complete(Source& source, const SourceFile& snapshot) {
  const Result<std::unique_ptr<File>> file = source.open(snapshot);
  if (!file) return true;
  const Result<bool> sealed = passes_cheap_test(**file, snapshot.codec);
  if (!sealed) return true;
  if (!*sealed) return false;
  const Result<std::unique_ptr<ByteSource>> plain = open_snapshot(source, snapshot);
  if (!plain) return false;
  SnapshotReader reader(**plain, snapshot.path);
  const auto session = reader.next_session();
  return session || session.error().id() != ErrorId::kBadMagic;
}

const SourceFile* newest_complete(Source& source, const SourceListing& listing, std::int64_t zxid) {
  for (auto snapshot = listing.snapshots.rbegin(); snapshot != listing.snapshots.rend(); ++snapshot) {
    if (snapshot->zxid <= zxid) break;
    if (looks_complete(source, *snapshot)) return &*snapshot;
  }
  return nullptr;
}

}  // namespace zkark::restore
