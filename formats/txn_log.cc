#include "formats/txn_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/adler32.h"

namespace zkark {
namespace {

constexpr std::size_t kWindowBytes = 256 << 10;
constexpr std::size_t kBlockBytes = 8 << 10;
// Claimed records up to this size are hashed as they stand while looking behind damage; larger ones by
// prefixes.
constexpr std::size_t kSmallRecord = 64 << 10;

/// The file says something wrong, as opposed to: it could not be read.
bool is_damage(ErrorId id) { return exit_code(id) == 6; }

/// What may begin a record: a zero-extended checksum and a length that fits a header.
bool may_be_record(const std::byte* at, std::int64_t max_length) {
  if (load_u32(at) != 0) return false;
  const std::int32_t length = load_i32(at + 8);
  return length >= static_cast<std::int32_t>(TxnHeader::kBytes) && length <= max_length;
}

}  // namespace

/// Adler-32 of the file from a base to every 8 KiB behind it, filled as far as asked. A hostile file can make
/// every twelfth byte claim to begin a long record; with two prefixes each claim costs two blocks instead of
/// its length.
class TxnLogReader::Prefixes {
 public:
  Prefixes(File& file, std::uint64_t base) : file_(file), base_(base), block_(kBlockBytes) {}
  std::uint64_t base() const { return base_; }

  /// Of [base, end); kTruncated when the file is shorter.
  Result<std::uint32_t> upto(std::uint64_t end) {
    const std::uint64_t blocks = (end - base_) / kBlockBytes;
    while (sums_.size() <= blocks) {
      ZK_TRY_STATUS(read_exactly(file_, base_ + (sums_.size() - 1) * kBlockBytes, block_));
      sums_.push_back(adler32(block_, sums_.back()));
    }
    const auto rest = static_cast<std::size_t>((end - base_) % kBlockBytes);
    const MutableBytes part(block_.data(), rest);
    ZK_TRY_STATUS(read_exactly(file_, base_ + blocks * kBlockBytes, part));
    return adler32(part, sums_[blocks]);
  }

 private:
  File& file_;
  std::uint64_t base_;
  std::vector<std::byte> block_;
  std::vector<std::uint32_t> sums_ = {1};
};

TxnLogReader::TxnLogReader(File& file, Limits limits) : file_(file), limits_(limits) {}
TxnLogReader::~TxnLogReader() = default;

void TxnLogReader::forget_window() {
  buffer_size_ = 0;
  fill_bytes_ = kFirstFillBytes;
  stale_ = false;
}

/// At least min(bytes, what the file has) bytes at `offset`; may give more. The view lives until the next
/// call.
Result<Bytes> TxnLogReader::window_at(std::uint64_t offset, std::size_t bytes) {
  if (offset >= buffer_offset_ && offset + bytes <= buffer_offset_ + buffer_size_) {
    const auto skip = static_cast<std::size_t>(offset - buffer_offset_);
    return Bytes(buffer_.data() + skip, buffer_size_ - skip);
  }
  std::size_t kept = 0;
  if (offset >= buffer_offset_ && offset < buffer_offset_ + buffer_size_) {
    const auto skip = static_cast<std::size_t>(offset - buffer_offset_);
    kept = buffer_size_ - skip;
    std::memmove(buffer_.data(), buffer_.data() + skip, kept);
  }
  buffer_offset_ = offset;
  buffer_size_ = kept;
  // Grows by doubling while bytes really arrive: a length word alone never sizes an allocation.
  while (buffer_size_ < bytes) {
    const std::size_t want = std::max(kept + fill_bytes_, std::min(bytes, buffer_size_ * 2));
    if (buffer_.size() < want) buffer_.resize(want);
    ZK_TRY(std::size_t n, file_.read_at(buffer_offset_ + buffer_size_,
                                        MutableBytes(buffer_).subspan(buffer_size_, want - buffer_size_)));
    if (n == 0) break;
    fill_bytes_ = std::min(fill_bytes_ * 4, kWindowBytes);
    buffer_size_ += n;
  }
  return Bytes(buffer_.data(), buffer_size_);
}

Status TxnLogReader::read_header() {
  if (header_read_) return {};
  forget_window();
  ZK_TRY(Bytes bytes, window_at(0, kLogHeaderBytes));
  if (bytes.size() >= 4 && load_u32(bytes.data()) != kLogMagic)
    return fail(
        Error(ErrorId::kBadMagic, "not a transaction log: the magic ZKLG is missing").at(file_.path(), 0));
  if (bytes.size() < kLogHeaderBytes)
    return fail(
        Error(ErrorId::kTruncated,
              fmt::format("a transaction log of {} bytes has no complete header", bytes.size()))
            .at(file_.path(), bytes.size())
            .with_hint("Apache ZooKeeper refuses to start on it; if it is the newest log, move it aside"));
  version_ = load_i32(bytes.data() + 4);
  dbid_ = load_i64(bytes.data() + 8);
  header_read_ = true;
  return {};
}

void TxnLogReader::seek(std::uint64_t offset) {
  offset_ = std::max<std::uint64_t>(offset, kLogHeaderBytes);
  tail_ = {};
  stale_ = true;
}

bool TxnLogReader::end(TailState state) {
  tail_ = {state, offset_};
  return false;
}

Result<std::optional<TxnEntry>> TxnLogReader::next() {
  TxnEntry entry;
  ZK_TRY(bool more, next_into(entry));
  if (!more) return std::optional<TxnEntry>();
  return std::optional<TxnEntry>(std::move(entry));
}

Result<bool> TxnLogReader::next_into(TxnEntry& entry) {
  if (!header_read_) ZK_TRY_STATUS(read_header());
  if (stale_) {
    forget_window();
    prefixes_.reset();
  }
  tail_ = {};
  Result<bool> more = read_record(offset_, entry);
  if (more && *more) {
    offset_ = entry.end_offset();
    if (ahead_ > 0) --ahead_;
  } else {
    stale_ = true;
  }
  return more;
}

std::string_view TxnLogReader::peek_path(unsigned distance) {
  if (ahead_offset_ <= offset_) {
    ahead_offset_ = offset_;
    ahead_ = 0;
  }
  constexpr std::size_t kTypeAt = kRecordPrefixBytes + TxnHeader::kBytes - 4;
  constexpr std::size_t kPathAt = kRecordPrefixBytes + TxnHeader::kBytes + 4;
  if (ahead_ >= distance || ahead_offset_ < buffer_offset_) return {};
  const std::uint64_t skip = ahead_offset_ - buffer_offset_;
  if (skip + kPathAt > buffer_size_) return {};
  const std::byte* const at = buffer_.data() + skip;
  const std::int32_t length = load_i32(at + 8);
  const std::uint64_t left = buffer_size_ - skip;
  if (length < static_cast<std::int32_t>(TxnHeader::kBytes + 4) ||
      kRecordPrefixBytes + static_cast<std::uint64_t>(length) + 1 > left)
    return {};
  ahead_offset_ += kRecordPrefixBytes + static_cast<std::uint64_t>(length) + 1;
  ++ahead_;
  switch (static_cast<TxnType>(load_i32(at + kTypeAt))) {
    case TxnType::kCreate:
    case TxnType::kCreate2:
    case TxnType::kCreateContainer:
    case TxnType::kCreateTtl:
    case TxnType::kDelete:
    case TxnType::kDeleteContainer:
    case TxnType::kSetData:
    case TxnType::kSetAcl:
      break;
    default:
      return {};
  }
  const std::int32_t size = load_i32(at + kPathAt - 4);
  if (size <= 0 || size > length - static_cast<std::int32_t>(TxnHeader::kBytes) - 4) return {};
  return as_text(Bytes(at + kPathAt, static_cast<std::size_t>(size)));
}

Result<bool> TxnLogReader::read_record(std::uint64_t offset, TxnEntry& entry) {
  ZK_TRY(Bytes bytes, window_at(offset, kRecordPrefixBytes));
  if (bytes.empty()) return end(TailState::kEnd);
  if (bytes.size() < kRecordPrefixBytes)
    return end(std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; })
                   ? TailState::kPadding
                   : TailState::kTorn);
  const std::uint64_t checksum = load_u64(bytes.data());
  const std::int32_t length = load_i32(bytes.data() + 8);
  if (length == 0) return end(checksum == 0 ? TailState::kPadding : TailState::kTorn);
  if (length < 0 || length > limits_.max_buffer_bytes)
    return fail(Error(ErrorId::kBadLength, fmt::format("a record says it is {} bytes long", length))
                    .at(file_.path(), offset + 8));

  const std::size_t size = kRecordPrefixBytes + static_cast<std::size_t>(length) + 1;
  if (size > kWindowBytes) {
    // Large: look at the end marker before reading what may be a damaged length's worth of bytes.
    std::byte marker{};
    ZK_TRY(std::size_t n, file_.read_at(offset + size - 1, MutableBytes(&marker, 1)));
    if (n == 0 || marker != kRecordEnd) return end(TailState::kTorn);
  }
  ZK_TRY(bytes, window_at(offset, size));
  if (bytes.size() < size || bytes[size - 1] != kRecordEnd) return end(TailState::kTorn);
  bytes = bytes.first(size);
  const Bytes payload = bytes.subspan(kRecordPrefixBytes, static_cast<std::size_t>(length));
  if (adler32(payload) != checksum) {
    Error error = Error(ErrorId::kChecksumMismatch, "a record's checksum does not match its bytes")
                      .at(file_.path(), offset);
    return fail(std::move(error));
  }
  Status decoded = decode_txn_into(entry.txn, payload, limits_, offset + kRecordPrefixBytes);
  if (!decoded && limits_.java && decoded.error().id() == ErrorId::kTruncated) return end(TailState::kTorn);
  if (!decoded) return fail(std::move(decoded).error().at(file_.path()));
  entry.offset = offset;
  entry.record = bytes;
  return true;
}

/// Whether end marker and checksum of the record claimed at `offset` hold. `length` is that of its payload.
Result<bool> TxnLogReader::is_sealed(std::uint64_t offset, std::uint32_t checksum, std::size_t length) {
  const std::size_t size = kRecordPrefixBytes + length + 1;
  if (length <= kSmallRecord) {
    ZK_TRY(Bytes bytes, window_at(offset, size));
    return bytes.size() >= size && bytes[size - 1] == kRecordEnd &&
           adler32(bytes.subspan(kRecordPrefixBytes, length)) == checksum;
  }
  std::byte marker{};
  ZK_TRY(std::size_t n, file_.read_at(offset + size - 1, MutableBytes(&marker, 1)));
  if (n == 0 || marker != kRecordEnd) return false;
  const std::uint64_t payload = offset + kRecordPrefixBytes;
  if (!prefixes_ || prefixes_->base() > payload) prefixes_ = std::make_unique<Prefixes>(file_, offset);
  ZK_TRY(std::uint32_t front, prefixes_->upto(payload));
  Result<std::uint32_t> whole = prefixes_->upto(payload + length);
  if (!whole && whole.error().id() == ErrorId::kTruncated) return false;  // the file became shorter meanwhile
  if (!whole) return fail(std::move(whole).error());
  return adler32_of_rest(front, *whole, length) == checksum;
}

Result<bool> TxnLogReader::skip_damage() {
  const Tail tail_before = tail_;
  for (std::uint64_t at = offset_;;) {
    ZK_TRY(Bytes bytes, window_at(at, kMinRecordBytes));
    if (bytes.size() < kMinRecordBytes) break;
    const std::size_t last = bytes.size() - kMinRecordBytes;
    std::size_t i = 0;
    while (i <= last && !may_be_record(bytes.data() + i, limits_.max_buffer_bytes)) ++i;
    at += i;
    if (i > last) continue;
    const auto length = static_cast<std::size_t>(load_i32(bytes.data() + i + 8));
    ZK_TRY(bool sealed, is_sealed(at, load_u32(bytes.data() + i + 4), length));
    if (!sealed) {
      ++at;
      continue;
    }
    TxnEntry entry;
    const Result<bool> sound = read_record(at, entry);
    if (sound && *sound) {
      offset_ = at;
      tail_ = {};
      stale_ = false;
      header_read_ = true;  // if it was the header that is damaged, there is no way back to it
      return true;
    }
    if (!sound && !is_damage(sound.error().id())) return fail(sound.error().clone());
    at += kRecordPrefixBytes + length + 1;
  }
  tail_ = tail_before;
  return false;
}

namespace {

/// Takes the bytes behind a record's prefix, in order, and knows whether a payload of the checksum ended at
/// any end marker among them.
class FrameSearch {
 public:
  FrameSearch(std::uint32_t checksum, std::int32_t claimed) : checksum_(checksum), claimed_(claimed) {}

  void take(Bytes bytes) {
    const std::byte* at = bytes.data();
    const std::byte* const end = at + bytes.size();
    while (at < end && !found_) {
      const void* const marker =
          std::memchr(at, std::to_integer<int>(kRecordEnd), static_cast<std::size_t>(end - at));
      const std::byte* const stop = marker == nullptr ? end : static_cast<const std::byte*>(marker);
      add(Bytes(at, stop));
      if (marker == nullptr) return;
      found_ = length_ >= TxnHeader::kBytes && sum_ == checksum_;
      add(Bytes(stop, 1));
      at = stop + 1;
    }
  }
  bool found() const { return found_; }
  /// Whether the checksum holds for the length that the record claims.
  bool claim_holds() const { return claim_holds_; }

 private:
  void add(Bytes bytes) {
    const std::uint64_t claimed = claimed_ > 0 ? static_cast<std::uint64_t>(claimed_) : 0;
    if (length_ < claimed && claimed <= length_ + bytes.size())
      claim_holds_ = adler32(bytes.first(static_cast<std::size_t>(claimed - length_)), sum_) == checksum_;
    sum_ = adler32(bytes, sum_);
    length_ += bytes.size();
  }
  std::uint32_t checksum_;
  std::int32_t claimed_;
  std::uint32_t sum_ = 1;
  std::uint64_t length_ = 0;
  bool found_ = false, claim_holds_ = false;
};

}  // namespace

Result<TxnLogReader::TailShape> TxnLogReader::tail_shape() {
  const std::uint64_t start = tail_.offset;
  std::byte prefix[kRecordPrefixBytes] = {};
  ZK_TRY(const std::size_t prefix_bytes, file_.read_at(start, prefix));
  const std::uint32_t checksum = load_u32(prefix + 4);
  const std::int32_t length = load_i32(prefix + 8);
  // From the end of the prefix on: a whole record, wherever it ends, and where the last byte stands that is
  // not zero.
  FrameSearch search(checksum, length);
  std::uint64_t written = 0;  // up to behind that byte, from `start`
  for (std::size_t i = 0; i < prefix_bytes; ++i)
    if (prefix[i] != std::byte{0}) written = i + 1;
  std::vector<std::byte> block(64 << 10);
  std::uint64_t offset = start + kRecordPrefixBytes;
  const std::uint64_t limit = offset + static_cast<std::uint64_t>(limits_.max_buffer_bytes) + 1;
  for (;;) {
    ZK_TRY(const std::size_t n, file_.read_at(offset, block));
    if (n == 0) break;
    if (offset < limit && !search.found()) search.take(Bytes(block).first(n));
    for (std::size_t i = n; i-- > 0;) {
      if (block[i] == std::byte{0}) continue;
      written = offset + i + 1 - start;
      break;
    }
    offset += n;
  }
  if (search.found()) return TailShape::kDamagedFrame;
  if (written <= kRecordPrefixBytes) return TailShape::kTornWrite;
  const bool plausible = load_u32(prefix) == 0 && length >= static_cast<std::int32_t>(TxnHeader::kBytes) &&
                         length <= limits_.max_buffer_bytes;
  if (!plausible) return TailShape::kForeignBytes;
  // The end marker is what a record's write ends with.
  const std::uint64_t marker_at = kRecordPrefixBytes + static_cast<std::uint64_t>(length);
  if (written <= marker_at) return TailShape::kTornWrite;
  // Something else stands in its place.
  return search.claim_holds() ? TailShape::kDamagedFrame : TailShape::kForeignBytes;
}

Result<bool> TxnLogReader::padding_is_clean(std::uint64_t offset, std::uint64_t look_bytes) {
  std::vector<std::byte> block(64 << 10);
  for (;;) {
    if (look_bytes < block.size()) block.resize(look_bytes);
    if (block.empty()) return true;
    ZK_TRY(std::size_t n, file_.read_at(offset, block));
    if (n == 0) return true;
    look_bytes -= n;
    // All equal to the first, by the fastest compare there is: preallocation leaves up to 64 MiB of this per
    // log.
    if (block[0] != std::byte{0} || std::memcmp(block.data(), block.data() + 1, n - 1) != 0) return false;
    offset += n;
  }
}

void append_log_header(std::string& out) {
  JuteWriter writer(out);
  writer.i32(static_cast<std::int32_t>(kLogMagic));
  writer.i32(2);
  writer.i64(0);
}

void append_record(Bytes payload, std::string& out) {
  JuteWriter writer(out);
  writer.i64(adler32(payload));
  writer.buffer(payload);
  writer.u8(std::to_integer<std::uint8_t>(kRecordEnd));
}

void append_txn(const Txn& txn, std::string& out) {
  std::string payload;
  encode_txn(txn, payload);
  append_record(as_bytes(payload), out);
}

}  // namespace zkark
