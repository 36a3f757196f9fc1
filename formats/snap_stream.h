#pragma once
// How a snapshot is wrapped (reference/on-disk-formats section 4.2; Apache: SnapStream): plain, one gzip
// member, or snappy-java's xerial stream. Checksums are over the plain stream, so they are not here.
#include <memory>
#include <optional>

#include "formats/base/fs.h"
#include "formats/file_names.h"
#include "formats/limits.h"

namespace zkark {

/// Bytes in order. One thread.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Up to into.size() bytes; 0 only at the end. Errors: kTruncated (a compressed stream stops short),
  /// kBadCompression, both with the offset in the file; storage errors. A failure repeats itself.
  virtual Result<std::size_t> read(MutableBytes into) = 0;
};

/// Where bytes go in order. finish() must be called once, after the last write; without it the output is not
/// complete.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status write(Bytes bytes) = 0;
  virtual Status finish() = 0;
};

/// A file from its start to its end, as it is.
class FileSource : public ByteSource {
 public:
  explicit FileSource(File& file) : file_(file) {}
  Result<std::size_t> read(MutableBytes into) override;

 private:
  File& file_;
  std::uint64_t offset_ = 0;
};

/// Appends to a file from Fs::create; finish() syncs it.
class FileSink : public ByteSink {
 public:
  explicit FileSink(File& file) : file_(file) {}
  Status write(Bytes bytes) override;
  Status finish() override;

 private:
  File& file_;
  std::string pending_;
};

/// The plain bytes of a wrapped stream. Borrows `wrapped`. Memory is bounded by one compressed block; a
/// xerial block above 64 MiB is refused (snappy-java writes 32 KiB). What comes before damage is given before
/// the error. By default nothing may follow a gzip stream but another member, and a xerial stream ends at a
/// block's end; Limits::java takes what GZIPInputStream and SnappyInputStream 1.1.8 take.
std::unique_ptr<ByteSource> unwrap(ByteSource& wrapped, SnapCodec codec, const Limits& limits = {});
/// Compresses what is written into `out` (borrowed); finish() finishes `out` too. gzip as one member with OS
/// byte 255 like Java 17 writes; snappy in 32 KiB blocks like snappy-java.
std::unique_ptr<ByteSink> wrap(ByteSink& out, SnapCodec codec);

/// Tells the wrapping from the first bytes of a file; nullopt when they are those of no snapshot.
std::optional<SnapCodec> detect_codec(Bytes first_bytes);

/// Apache's cheap test before it tries to load a snapshot (Util.isValidSnapshot, SnapStream.isValid*): plain
/// = at least 10 bytes and the last five are 00000001 2f; compressed = the magic.
Result<bool> passes_cheap_test(File& file, SnapCodec codec);

}  // namespace zkark
