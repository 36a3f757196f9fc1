#include "restore/snapshot_look.h"

#include <array>
#include <utility>

#include "formats/snap_stream.h"
#include "formats/snapshot.h"

namespace zkark::restore {

Result<bool> looks_complete(Source& source, const SourceFile& snapshot) {
  Result<std::unique_ptr<File>> file = source.open(snapshot);
  if (!file) {
    if (file.error().id() == ErrorId::kNoFile) return false;
    return fail(std::move(file).error());
  }
  ZK_TRY(const bool sealed, passes_cheap_test(**file, snapshot.codec));
  if (!sealed) return false;
  FileSource stored(**file);
  const std::unique_ptr<ByteSource> plain = unwrap(stored, snapshot.codec);
  SnapshotReader reader(*plain, snapshot.path);
  Result<std::optional<SnapSession>> session = reader.next_session();
  if (session) return true;
  // Damage is for whoever reads it all: there it has an offset.
  if (exit_code(session.error().id()) == 6) return session.error().id() != ErrorId::kBadMagic;
  return fail(std::move(session).error().at(snapshot.path));
}

Status read_through(Source& source, const SourceFile& snapshot, Job& job) {
  ZK_TRY(const std::unique_ptr<ByteSource> plain, open_snapshot(source, snapshot));
  SnapshotReader reader(*plain, snapshot.path);
  std::array<SnapNode, 256> nodes;
  std::array<std::uint64_t, 256> ends{};
  std::uint64_t told = 0;
  for (;;) {
    ZK_TRY_STATUS(job.check());
    ZK_TRY(const std::size_t count, reader.next_nodes(nodes, ends));
    job.progress.done += reader.offset() - std::exchange(told, reader.offset());
    if (count == 0) break;
  }
  ZK_TRY_STATUS(reader.read_tail());
  return {};
}

Result<const SourceFile*> newest_complete(Source& source, const SourceListing& listing, std::int64_t zxid) {
  for (auto snapshot = listing.snapshots.rbegin(); snapshot != listing.snapshots.rend(); ++snapshot) {
    if (snapshot->zxid <= zxid) break;
    ZK_TRY(const bool complete, looks_complete(source, *snapshot));
    if (complete) return &*snapshot;
  }
  return static_cast<const SourceFile*>(nullptr);
}

}  // namespace zkark::restore
