#pragma once
// Stored objects: bytes in, objects out, and back. The byte layout is in README.md beside this file.
//
// An object is one zstd skippable frame (the header below) followed by ordinary zstd frames, one per chunk of
// plain bytes; its name is the SHA-256 of all its stored bytes. Data of any length becomes a list of objects
// ("parts") whose plain bytes follow each other: `zstd -dc PART1 PART2 …` is the data. The header carries the
// plain length and hash of its own object only, which is bounded, so objects are made in one pass, in bounded
// memory, and are whole before the first byte goes to storage.
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/bytes.h"
#include "formats/base/executor.h"
#include "formats/base/result.h"
#include "formats/file_names.h"

namespace zkark::backup {

using Sha256 = std::array<std::byte, 32>;

/// Incremental SHA-256; the algorithm is fetched once per process. Not thread-safe, movable.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;
  void add(Bytes bytes);
  /// The hash of all bytes added; starts anew.
  Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Sha256 sha256(Bytes bytes);
/// 64 lower-case hex digits.
std::string sha256_hex(Bytes bytes);
/// XXH3-128 of plain bytes, in the order that `xxhsum -H2` prints. It finds what breaks by itself between the
/// bytes read and the bytes stored, and is no proof against somebody who wants two data to look the same:
/// what is the same is decided by the SHA-256 of stored bytes alone, which names them.
using PlainHash = std::array<std::byte, 16>;

/// Incremental. Not thread-safe, movable.
class PlainHasher {
 public:
  PlainHasher();
  ~PlainHasher();
  PlainHasher(PlainHasher&&) noexcept;
  PlainHasher& operator=(PlainHasher&&) noexcept;
  void add(Bytes bytes);
  /// The hash of all bytes added; starts anew.
  PlainHash finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// 32 lower-case hex digits.
std::string plain_hash_hex(Bytes bytes);
/// Exactly `digits` lower-case hex digits.
bool is_hex_name(std::string_view text, std::size_t digits);

enum class ObjectKind : std::uint8_t { kSegment = 1, kBase = 2, kConfig = 3 };

/// One part of stored data, as manifests list it.
struct ObjectRef {
  std::string name;  // 64 hex: SHA-256 of the stored bytes
  std::uint64_t stored_bytes = 0;
  std::uint64_t plain_bytes = 0;
  std::string plain_xxh3;  // 32 hex: PlainHash
  bool operator==(const ObjectRef&) const = default;
};

/// The fixed-size header, what `file` and `xxd` show of an object.
struct ObjectHeader {
  ObjectKind kind = ObjectKind::kSegment;
  SnapCodec source_codec = SnapCodec::kPlain;  // of the file the bytes come from; they are uncompressed
  std::uint64_t plain_bytes = 0;
  std::uint64_t chunk_bytes = 0;  // plain bytes of every zstd frame but the last
  PlainHash plain_hash{};
};
inline constexpr std::size_t kObjectHeaderBytes = 128;
/// No object is larger than this as stored, so a reader may hold one in memory.
inline constexpr std::uint64_t kObjectStoredMax = 32u << 20;
/// No chunk is larger than this, so decoding needs bounded memory.
inline constexpr std::uint64_t kChunkMax = 8u << 20;

std::array<std::byte, kObjectHeaderBytes> encode_header(const ObjectHeader& header);
/// From the first bytes of an object. kTruncated, kBadMagic, kRepositoryTooNew (a later object format or an
/// encryption this release does not know), kObjectDamaged (an impossible value, a reserved byte set).
Result<ObjectHeader> decode_header(Bytes stored);

/// Measured on 1.15 GB of logs and snapshots (1 M znodes of 128 bytes, 2 M txns, zstd 1.5.4, one core): level
/// 1 208 MB at 750 MB/s, level 2 216 MB, level 3 233 MB at 370 MB/s: records resemble their neighbours, and a
/// search that looks further finds worse matches. Level 1 with a hash table of 2^12 instead of 2^14 entries:
/// 202 MB at 870 MB/s (restic 0.14: 235 MB). Chunks of 4 MiB save 0.1 % over 1 MiB; long mode saves nothing.
struct CodecOptions {
  int level = 1;                           // zstd level
  int hash_log = 12;                       // of zstd's match table; 0: the level's own
  std::uint64_t chunk_bytes = 1u << 20;    // plain bytes per zstd frame
  std::uint64_t plain_target = 64u << 20;  // an object ends once it holds this many plain bytes …
  std::uint64_t stored_target = 4u << 20;  // … or this many stored bytes, each plus at most one batch
};

struct EncodedObject {
  ObjectRef ref;
  std::string stored;
};

/// Cuts a stream of bytes into objects. Chunks are compressed and hashed in batches on the Executor; where an
/// object ends depends on the bytes and the options alone, so equal data gives equal names on every machine.
/// Memory: one batch of four chunks, plain and compressed, the object being built and the one being stored:
/// 10 to 25 MiB by default, whatever the data's length; little for little data.
class ObjectEncoder {
 public:
  /// Called with the finished objects, from whichever thread runs the tasks, one call at a time.
  using Sink = std::function<Status(EncodedObject object)>;
  using Task = std::function<Status()>;

  ObjectEncoder(ObjectKind kind, SnapCodec source_codec, Executor& executor, CodecOptions options, Sink sink);
  ~ObjectEncoder();

  /// Takes a copy; runs a batch on the Executor whenever one is full. After an error only destroy it.
  Status append(Bytes bytes);
  /// Compresses and delivers what is left. Data of zero bytes is one object too. Gives the parts in order.
  Result<std::vector<ObjectRef>> finish();
  std::uint64_t plain_bytes() const;

  /// For a caller with other work to do on the Executor at the same time: while batch_full(), append nothing;
  /// put add_tasks() beside your own tasks into one run_all(), then call settle().
  bool batch_full() const;
  /// Like append(), but stops when the batch is full: how many bytes were taken.
  std::size_t fill(Bytes bytes);
  void add_tasks(std::vector<Task>& tasks);
  Status settle();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One small object in one call, inline.
Result<EncodedObject> encode_object(ObjectKind kind, SnapCodec source_codec, Bytes plain,
                                    CodecOptions options);

/// Reads one stored object. open() checks the name, length and header against `ref` before anything is
/// decompressed; reading checks that exactly ref.plain_bytes come out (a bomb stops there) and, when read
/// from start to end, the plain hash. Memory: the stored bytes, one zstd window, buffers.
class ObjectReader {
 public:
  /// Errors: kObjectDamaged, kRepositoryTooNew, without a file name: the caller knows it.
  /// kStored: the plain hash is left to the name and to zstd's checksums, which nothing damaged passes; it
  /// finds only an encoder's mistake, and is one pass more over all that is read.
  enum class Checks : std::uint8_t { kStored, kStoredAndPlain };
  static Result<std::unique_ptr<ObjectReader>> open(std::string stored, const ObjectRef& ref,
                                                    Checks checks = Checks::kStoredAndPlain);
  ~ObjectReader();

  const ObjectHeader& header() const;
  std::uint64_t position() const;
  /// The next bytes; fewer than asked for only at the end. kObjectDamaged.
  Result<std::size_t> read(MutableBytes into);
  /// Goes to a plain offset <= ref.plain_bytes, skipping whole chunks without decompressing them. After a
  /// seek to anything but the present position the plain hash is not checked (the stored hash was).
  Status seek(std::uint64_t offset);

 private:
  struct State;
  explicit ObjectReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace zkark::backup
