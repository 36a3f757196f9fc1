#pragma once
// The transaction log: file header, record framing, checksum, the ways a file ends (reference/on-disk-formats
// section 3; formats/txn_log.md; Apache: FileTxnLog, Util.readTxnBytes). Everything that knows the framing is
// here.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/fs.h"
#include "formats/txn.h"

namespace zkark {

inline constexpr std::uint32_t kLogMagic =
    0x5a4b4c47;  // "ZKLG": the only field of the header a reader checks
inline constexpr std::size_t kLogHeaderBytes = 16;
inline constexpr std::size_t kRecordPrefixBytes = 12;  // i64 checksum, i32 payload length
inline constexpr std::byte kRecordEnd{0x42};           // 'B', outside the checksum
/// Prefix + smallest payload (a header) + end marker.
inline constexpr std::size_t kMinRecordBytes = kRecordPrefixBytes + TxnHeader::kBytes + 1;

/// How the readable part of a log ends.
enum class TailState : std::uint8_t {
  kOpen,     // not reached yet
  kEnd,      // the file ends at a record's end (or at the header's)
  kPadding,  // a zero length word: preallocation, if the rest is zero (see padding_is_clean)
  kTorn,     // a record ends early or lacks its end marker: the last write of a process life
};

struct Tail {
  TailState state = TailState::kOpen;
  std::uint64_t offset = 0;  // of the first byte that belongs to no record
  bool operator==(const Tail&) const = default;
};

/// One record. Views live until the reader moves on.
struct TxnEntry {
  std::uint64_t offset = 0;  // of the record in the file
  Bytes record;              // all of it: checksum, length, payload, end marker
  Txn txn;
  std::int64_t zxid() const { return txn.header.zxid; }
  std::uint32_t checksum() const { return load_u32(record.data() + 4); }
  std::uint64_t end_offset() const { return offset + record.size(); }
};

/// Reads a log record by record, in file order, as Apache does. Borrows `file`, which may grow meanwhile: at
/// a tail or an error next() may be called again and looks at the file afresh. One thread. Memory: one window
/// of 256 KiB, more only for a record larger than that whose end marker is there.
class TxnLogReader {
 public:
  explicit TxnLogReader(File& file, Limits limits = {});
  ~TxnLogReader();

  /// Reads the 16-byte header. kBadMagic, kTruncated (fewer than 16 bytes; a file of 0 bytes too).
  /// next() does it on its own; call it to look at the header alone, or before seek().
  Status read_header();
  std::int32_t header_version() const { return version_; }
  std::int64_t header_dbid() const { return dbid_; }

  /// The next record; nullopt at the end of the readable part, whose kind is in tail(). Errors (with file,
  /// offset, and zxid where readable): kChecksumMismatch, kBadLength, or those of decode_txn. After an error
  /// the reader stands at the bad record: call skip_damage(), or stop. Under Limits::java a sound record
  /// whose body needs more bytes than it has ends the file (kTorn): Apache takes that EOFException for the
  /// end, too.
  Result<std::optional<TxnEntry>> next();
  /// The same into an entry that is used again and again, which is faster; false at the end of the readable
  /// part.
  Result<bool> next_into(TxnEntry& entry);
  Tail tail() const { return tail_; }
  /// The path in a record further on, one record further with each call, as long as it is no more than
  /// `distance` records ahead and in the window already; empty where there is none. Nothing is checked: a
  /// hint for fetching what will be needed. The view lives until the next call of anything else.
  std::string_view peek_path(unsigned distance);
  /// Offset of the record that next() will read.
  std::uint64_t offset() const { return offset_; }
  /// Continues at `offset`, which must be a record boundary (a resume hint is checked by the caller).
  void seek(std::uint64_t offset);

  /// Looks for intact records from the place on where the reader stands (after an error or at a tail), at
  /// every offset. True: next() continues there, even if it was the file's header that is damaged. False:
  /// nothing is left up to the end of the file. A record counts as intact when length, end marker, checksum
  /// and decoding agree. What looks like records inside the bytes of one whose checksum holds is never
  /// offered; inside a damaged one it may be (a value can hold a copy of a log), so the caller looks at the
  /// order of zxids. Takes time in proportion to the bytes passed over, whatever they are.
  Result<bool> skip_damage();
  /// What stands where the readable part ends, tail().offset, behind which skip_damage() found nothing.
  enum class TailShape : std::uint8_t {
    kTornWrite,     // the beginning of a record, then zeros or the end of the file: how a write looks that a
                    // crash cut
    kDamagedFrame,  // a whole record whose checksum holds, with a wrong length or end marker: it was written
    kForeignBytes,  // neither; records may have stood here
  };
  /// Reads the file from there to its end.
  Result<TailShape> tail_shape();
  /// True when all bytes from `offset` to the end of the file, or the first `look_bytes` of them, are zero.
  /// Reads them.
  Result<bool> padding_is_clean(std::uint64_t offset, std::uint64_t look_bytes = UINT64_MAX);

 private:
  class Prefixes;  // running checksums of the file, so that a claimed record of any length is judged cheaply

  Result<Bytes> window_at(std::uint64_t offset, std::size_t bytes);
  void forget_window();
  Result<bool> read_record(std::uint64_t offset, TxnEntry& entry);
  Result<bool> is_sealed(std::uint64_t offset, std::uint32_t checksum, std::size_t length);
  bool end(TailState state);

  File& file_;
  Limits limits_;
  std::vector<std::byte> buffer_;
  std::uint64_t buffer_offset_ = 0;  // file offset of buffer_[0]
  std::size_t buffer_size_ = 0;
  // How much the next fill asks for: little at first, a reader may want one record.
  static constexpr std::size_t kFirstFillBytes = 8 << 10;
  std::size_t fill_bytes_ = kFirstFillBytes;
  std::uint64_t offset_ = kLogHeaderBytes;
  bool header_read_ = false;
  std::int32_t version_ = 0;
  std::int64_t dbid_ = 0;
  Tail tail_;
  std::uint64_t ahead_offset_ = 0;  // of the record that peek_path() looks at next
  unsigned ahead_ = 0;              // how many records that is before offset_
  bool stale_ = false;              // the last read met an end or an error: the file may have more by now
  std::unique_ptr<Prefixes> prefixes_;
};

/// Appends the 16-byte header (version 2, dbid 0).
void append_log_header(std::string& out);
/// Frames a payload: checksum, length, payload, end marker.
void append_record(Bytes payload, std::string& out);
/// Encodes and frames a txn.
void append_txn(const Txn& txn, std::string& out);

}  // namespace zkark
