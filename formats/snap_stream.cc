#include "formats/snap_stream.h"

// GCC 12 sees an overlapping copy inside Boost's gzip footer (string::insert of one character); there is
// none.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wrestrict"
#endif

#include <fmt/format.h>
#include <snappy.h>
#include <zlib.h>

#include <algorithm>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <exception>
#include <vector>

#include "formats/adler32.h"

namespace zkark {
namespace {

namespace io = boost::iostreams;

constexpr std::size_t kBlockBytes = 32 << 10;      // what snappy-java writes
constexpr std::size_t kMaxXerialBlock = 64 << 20;  // far above anything real; a block is held in memory
constexpr std::size_t kXerialHeaderBytes = 16;
constexpr std::size_t kJavaInput = 512;  // of GZIPInputStream
constexpr char kXerialMagic[8] = {'\x82', 'S', 'N', 'A', 'P', 'P', 'Y', '\0'};

/// RFC 1952 over zlib's raw inflate. Boost's gzip filter is not used for reading: it drops what it decoded
/// before the damage, never compares the length in the trailer and says nothing about where it stood. Bytes
/// before the damage come out first, the error with the call that would need the byte behind them: Apache,
/// too, only fails when it has to read on (java.util.zip.GZIPInputStream), and so never looks at the trailer
/// of a file that has all it asks for.
class GzipSource : public ByteSource {
 public:
  GzipSource(ByteSource& wrapped, bool java) : wrapped_(wrapped), java_(java), input_(64 << 10) {}
  ~GzipSource() override {
    if (inflating_) inflateEnd(&stream_);
  }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  Result<std::size_t> read(MutableBytes into) override {
    std::size_t total = 0;
    while (!error_ && state_ != State::kDone && total < into.size() && (total == 0 || java_)) {
      std::size_t produced = 0;
      if (Status step = advance(into.subspan(total), produced); !step) error_ = std::move(step).error();
      total += produced;
    }
    if (error_ && total == 0) return fail(error_->clone());
    return total;
  }

 private:
  enum class State : std::uint8_t { kHeader, kBody, kTrailer, kDone };

  Status advance(MutableBytes into, std::size_t& produced) {
    switch (state_) {
      case State::kHeader:
        return read_header();
      case State::kBody:
        return inflate_some(into, produced);
      case State::kTrailer:
        return read_trailer();
      case State::kDone:
        break;
    }
    return {};
  }

  std::uint64_t offset() const { return consumed_ - (size_ - next_); }
  Failure damaged(const char* what) const {
    return fail(
        Error(ErrorId::kBadCompression, fmt::format("damaged gzip data ({})", what)).at_offset(offset()));
  }
  Failure ends(const char* where) const {
    return fail(Error(ErrorId::kTruncated, fmt::format("the gzip stream ends inside its {}", where))
                    .at_offset(offset()));
  }

  /// False when the wrapped stream has no more bytes.
  Result<bool> refill() {
    if (next_ < size_) return true;
    const std::size_t want = !java_ ? input_.size() : state_ == State::kBody ? kJavaInput : 1;
    ZK_TRY(size_, wrapped_.read(MutableBytes(input_).first(want)));
    next_ = 0;
    consumed_ += size_;
    return size_ != 0;
  }
  /// The next `N` bytes, none of them if the stream ends before.
  template <std::size_t N>
  Result<bool> take(std::byte (&into)[N]) {
    for (std::byte& b : into) {
      ZK_TRY(bool more, refill());
      if (!more) return false;
      b = input_[next_++];
      header_crc_ = crc32(Bytes(&b, 1), header_crc_);
    }
    return true;
  }
  static std::uint32_t little_endian(const std::byte* from) { return __builtin_bswap32(load_u32(from)); }

  Result<unsigned> take_u16() {
    std::byte two[2];
    ZK_TRY(bool whole, take(two));
    if (!whole) return ends("header");
    return std::to_integer<unsigned>(two[0]) | std::to_integer<unsigned>(two[1]) << 8;
  }
  Status skip_bytes(unsigned count) {
    for (; count != 0; --count) {
      std::byte one[1];
      ZK_TRY(bool whole, take(one));
      if (!whole) return ends("header");
    }
    return {};
  }
  /// Up to and including a zero byte.
  Status skip_text() {
    for (std::byte one[1] = {std::byte{1}}; one[0] != std::byte{0};) {
      ZK_TRY(bool whole, take(one));
      if (!whole) return ends("header");
    }
    return {};
  }

  Status read_header() {
    static constexpr unsigned kHeaderCrc = 2, kExtra = 4, kName = 8, kComment = 16, kReserved = 0xe0;
    header_crc_ = 0;
    std::byte fixed[10];
    ZK_TRY(bool whole, take(fixed));
    if (!whole) return ends("header");
    if (fixed[0] != std::byte{0x1f} || fixed[1] != std::byte{0x8b}) return damaged("the magic is missing");
    if (fixed[2] != std::byte{8}) return damaged("unknown compression method");
    const auto flags = std::to_integer<unsigned>(fixed[3]);
    if ((flags & kReserved) != 0 && !java_) return damaged("reserved flags are set");
    if ((flags & kExtra) != 0) {
      ZK_TRY(unsigned bytes, take_u16());
      ZK_TRY_STATUS(skip_bytes(bytes));
    }
    if ((flags & kName) != 0) ZK_TRY_STATUS(skip_text());
    if ((flags & kComment) != 0) ZK_TRY_STATUS(skip_text());
    if ((flags & kHeaderCrc) != 0) {
      const std::uint32_t expected = header_crc_ & 0xffff;
      ZK_TRY(unsigned found, take_u16());
      if (found != expected) return damaged("the header's checksum does not match");
    }
    if (inflating_) {
      inflateReset(&stream_);
    } else {
      if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK)
        return fail(ErrorId::kOutOfMemory, "no memory to decompress");
      inflating_ = true;
    }
    body_crc_ = 0;
    body_bytes_ = 0;
    state_ = State::kBody;
    return {};
  }

  Status inflate_some(MutableBytes into, std::size_t& produced) {
    ZK_TRY(bool more, refill());
    // Java asks for bytes as it needs them, and an error met right behind the last one asked for takes it
    // along, unless the input came to its end in between. One byte a call with Java's input buffer shows the
    // same to any reader.
    const auto room = java_ ? 1u : static_cast<uInt>(std::min<std::size_t>(into.size(), 1 << 30));
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data() + next_);
    stream_.avail_in = static_cast<uInt>(size_ - next_);
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = room;
    const int outcome = inflate(&stream_, Z_NO_FLUSH);
    next_ = size_ - stream_.avail_in;
    produced = room - stream_.avail_out;
    body_crc_ = crc32(Bytes(into.data(), produced), body_crc_);
    body_bytes_ += produced;
    if (outcome == Z_STREAM_END)
      state_ = State::kTrailer;
    else if (outcome == Z_MEM_ERROR)
      return fail(ErrorId::kOutOfMemory, "no memory to decompress");
    else if (outcome != Z_OK && outcome != Z_BUF_ERROR) {
      if (java_) produced = 0;
      return damaged(stream_.msg != nullptr ? stream_.msg : "the compressed data is malformed");
    } else if (!more && produced == 0)
      return ends("data");
    return {};
  }

  Status read_trailer() {
    std::byte number[4];
    ZK_TRY(bool whole, take(number));
    if (!whole) return ends("trailer");
    if (little_endian(number) != body_crc_) return damaged("the checksum does not match");
    ZK_TRY(whole, take(number));
    if (!whole) return ends("trailer");
    if (little_endian(number) != static_cast<std::uint32_t>(body_bytes_))
      return damaged("the length does not match");
    ZK_TRY(bool more, refill());
    state_ = more ? State::kHeader : State::kDone;  // concatenated members are one stream
    if (!more || input_[next_] == std::byte{0x1f}) return {};
    if (!java_) return damaged("bytes follow the end of the stream");
    state_ = State::kDone;
    return {};
  }

  ByteSource& wrapped_;
  bool java_;
  std::vector<std::byte> input_;
  std::size_t size_ = 0, next_ = 0;  // what input_ holds, and the next byte of it
  std::uint64_t consumed_ = 0;       // from wrapped_
  State state_ = State::kHeader;
  std::optional<Error> error_;  // sticks
  z_stream stream_{};
  bool inflating_ = false;
  std::uint32_t header_crc_ = 0, body_crc_ = 0;
  std::uint64_t body_bytes_ = 0;
};

class XerialSource : public ByteSource {
 public:
  XerialSource(ByteSource& wrapped, bool java) : wrapped_(wrapped), java_(java) {}

  Result<std::size_t> read(MutableBytes into) override {
    if (error_) return fail(error_->clone());
    while (position_ == plain_.size()) {
      Result<bool> more = next_block();
      if (!more) {
        error_ = std::move(more).error();
        return fail(error_->clone());
      }
      if (!*more) return std::size_t{0};
    }
    const std::size_t n = std::min(into.size(), plain_.size() - position_);
    std::memcpy(into.data(), plain_.data() + position_, n);
    position_ += n;
    return n;
  }

 private:
  /// Up to `bytes` bytes into scratch_; fewer only at the end of the stream. Grows as bytes arrive.
  Status gather(std::size_t bytes) {
    scratch_.clear();
    while (scratch_.size() < bytes) {
      const std::size_t have = scratch_.size();
      scratch_.resize(std::min(bytes, have + (256 << 10)));
      Result<std::size_t> n = wrapped_.read(std::as_writable_bytes(std::span(scratch_)).subspan(have));
      if (!n) return fail(std::move(n).error());
      scratch_.resize(have + *n);
      consumed_ += *n;
      if (*n == 0) break;
    }
    return {};
  }

  Failure damaged(const char* what) {
    return fail(
        Error(ErrorId::kBadCompression, fmt::format("damaged snappy data ({})", what)).at_offset(consumed_));
  }
  /// SnappyInputStream throws no EOFException here, and FileSnap treats only that one as an end.
  Failure ends(const char* where) {
    const ErrorId id = java_ ? ErrorId::kBadCompression : ErrorId::kTruncated;
    return fail(Error(id, fmt::format("the snappy stream ends inside {}", where)).at_offset(consumed_));
  }
  std::int32_t scratch_i32(std::size_t at) const {
    return load_i32(reinterpret_cast<const std::byte*>(scratch_.data()) + at);
  }

  /// Checks a stream header in scratch_. SnappyInputStream looks at the magic alone in the first one, at the
  /// version too in a repeated one, and never at the lowest compatible version.
  Status check_header(bool first) {
    if (scratch_.size() < kXerialHeaderBytes) return ends("its header");
    if (std::memcmp(scratch_.data(), kXerialMagic, 8) != 0) return damaged("the stream header is missing");
    const std::int32_t version = scratch_i32(8);
    const std::int32_t lowest_compatible = scratch_i32(12);
    if (java_ ? !first && version < 1 : version < 1 || lowest_compatible > 1)
      return damaged("the stream has an unknown version");
    return {};
  }

  /// Decompresses the next block; a repeated stream header (concatenated streams) is passed over.
  Result<bool> next_block() {
    if (!header_read_) {
      ZK_TRY_STATUS(gather(kXerialHeaderBytes));
      ZK_TRY_STATUS(check_header(true));
      header_read_ = true;
    }
    ZK_TRY_STATUS(gather(4));
    if (scratch_.empty() || (scratch_.size() < 4 && java_)) return false;
    if (scratch_.size() < 4) return ends("a block's length");
    if (std::memcmp(scratch_.data(), kXerialMagic, 4) == 0) {
      ZK_TRY_STATUS(gather(kXerialHeaderBytes - 4));
      std::string whole(kXerialMagic, 4);
      whole.append(scratch_);
      scratch_.swap(whole);
      ZK_TRY_STATUS(check_header(false));
      plain_.clear();
      position_ = 0;
      return true;
    }
    const std::int32_t length = scratch_i32(0);
    if (length < 0 || static_cast<std::size_t>(length) > kMaxXerialBlock)
      return damaged("a block's length is impossible");
    ZK_TRY_STATUS(gather(static_cast<std::size_t>(length)));
    if (scratch_.size() != static_cast<std::size_t>(length)) return ends("a block");
    std::size_t plain = 0;
    if (!snappy::GetUncompressedLength(scratch_.data(), scratch_.size(), &plain) || plain > kMaxXerialBlock)
      return damaged("a block's plain length is impossible");
    // Three bytes give at most 64 (a copy): refuse a claim beyond that before allocating.
    if (plain > scratch_.size() * 64 + 64) return damaged("a block claims to expand beyond what snappy can");
    plain_.resize(plain);
    position_ = 0;
    if (!snappy::RawUncompress(scratch_.data(), scratch_.size(), plain_.data())) {
      plain_.clear();
      return damaged("a block is malformed");
    }
    return true;
  }

  ByteSource& wrapped_;
  bool java_;
  std::string scratch_;
  std::string plain_;
  std::size_t position_ = 0;
  std::uint64_t consumed_ = 0;
  bool header_read_ = false;
  std::optional<Error> error_;  // sticks
};

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(ByteSource& wrapped) : wrapped_(wrapped) {}
  Result<std::size_t> read(MutableBytes into) override { return wrapped_.read(into); }

 private:
  ByteSource& wrapped_;
};

class SinkDevice {
 public:
  using char_type = char;
  using category = io::sink_tag;
  /// Closing a chain swallows what is thrown in it, so what went wrong is kept aside.
  struct Outcome {
    std::optional<Error> error;
    bool out_of_memory = false;
  };
  SinkDevice(ByteSink& sink, Outcome& outcome) : sink_(&sink), outcome_(&outcome) {}
  std::streamsize write(const char* from, std::streamsize size) {
    if (outcome_->error || outcome_->out_of_memory) return size;
    try {
      if (Status s = sink_->write(as_bytes({from, static_cast<std::size_t>(size)})); !s)
        outcome_->error = std::move(s).error();
    } catch (const std::bad_alloc&) {
      outcome_->out_of_memory = true;
    }
    return size;
  }

 private:
  ByteSink* sink_;
  Outcome* outcome_;
};

class GzipSink : public ByteSink {
 public:
  explicit GzipSink(ByteSink& out) : sink_(out) {
    io::gzip_params params(io::gzip::default_compression);
    params.mtime = 0;
    out_.push(io::gzip_compressor(params, 64 << 10));
    out_.push(SinkDevice(out, outcome_), 64 << 10);
  }
  Status write(Bytes bytes) override {
    try {
      io::write(out_, reinterpret_cast<const char*>(bytes.data()),
                static_cast<std::streamsize>(bytes.size()));
    } catch (const std::bad_alloc&) {
      return fail(ErrorId::kOutOfMemory, "no memory to compress");
    } catch (const std::exception& problem) {
      return fail(ErrorId::kInternal, fmt::format("gzip: {}", problem.what()));
    }
    return state();
  }
  Status finish() override {
    try {
      io::close(out_);
    } catch (const std::bad_alloc&) {
      return fail(ErrorId::kOutOfMemory, "no memory to compress");
    } catch (const std::exception& problem) {
      return fail(ErrorId::kInternal, fmt::format("gzip: {}", problem.what()));
    }
    ZK_TRY_STATUS(state());
    return sink_.finish();
  }

 private:
  Status state() {
    if (outcome_.out_of_memory) return fail(ErrorId::kOutOfMemory, "no memory to write what is compressed");
    if (outcome_.error) return fail(outcome_.error->clone());
    return {};
  }
  ByteSink& sink_;
  SinkDevice::Outcome outcome_;
  io::filtering_streambuf<io::output> out_;
};

class XerialSink : public ByteSink {
 public:
  explicit XerialSink(ByteSink& out) : sink_(out) {}
  Status write(Bytes bytes) override {
    pending_.append(as_text(bytes));
    std::size_t done = 0;
    for (; pending_.size() - done >= kBlockBytes; done += kBlockBytes)
      ZK_TRY_STATUS(block({pending_.data() + done, kBlockBytes}));
    pending_.erase(0, done);
    return {};
  }
  Status finish() override {
    if (!pending_.empty()) ZK_TRY_STATUS(block(pending_));
    pending_.clear();
    ZK_TRY_STATUS(header());
    return sink_.finish();
  }

 private:
  Status header() {
    if (header_written_) return {};
    header_written_ = true;
    std::byte h[kXerialHeaderBytes];
    std::memcpy(h, kXerialMagic, 8);
    store_u32(h + 8, 1);
    store_u32(h + 12, 1);
    return sink_.write(h);
  }
  Status block(std::string_view plain) {
    ZK_TRY_STATUS(header());
    std::string compressed;
    snappy::Compress(plain.data(), plain.size(), &compressed);
    std::byte length[4];
    store_u32(length, static_cast<std::uint32_t>(compressed.size()));
    ZK_TRY_STATUS(sink_.write(length));
    return sink_.write(as_bytes(compressed));
  }
  ByteSink& sink_;
  std::string pending_;
  bool header_written_ = false;
};

class PlainSink : public ByteSink {
 public:
  explicit PlainSink(ByteSink& out) : sink_(out) {}
  Status write(Bytes bytes) override { return sink_.write(bytes); }
  Status finish() override { return sink_.finish(); }

 private:
  ByteSink& sink_;
};

}  // namespace

Result<std::size_t> FileSource::read(MutableBytes into) {
  ZK_TRY(std::size_t n, file_.read_at(offset_, into));
  offset_ += n;
  return n;
}

Status FileSink::write(Bytes bytes) {
  pending_.append(as_text(bytes));
  if (pending_.size() < (256 << 10)) return {};
  ZK_TRY_STATUS(file_.append(as_bytes(pending_)));
  pending_.clear();
  return {};
}

Status FileSink::finish() {
  if (!pending_.empty()) ZK_TRY_STATUS(file_.append(as_bytes(pending_)));
  pending_.clear();
  return file_.sync();
}

std::unique_ptr<ByteSource> unwrap(ByteSource& wrapped, SnapCodec codec, const Limits& limits) {
  switch (codec) {
    case SnapCodec::kGzip:
      return std::make_unique<GzipSource>(wrapped, limits.java);
    case SnapCodec::kSnappy:
      return std::make_unique<XerialSource>(wrapped, limits.java);
    case SnapCodec::kPlain:
      break;
  }
  return std::make_unique<PlainSource>(wrapped);
}

std::unique_ptr<ByteSink> wrap(ByteSink& out, SnapCodec codec) {
  switch (codec) {
    case SnapCodec::kGzip:
      return std::make_unique<GzipSink>(out);
    case SnapCodec::kSnappy:
      return std::make_unique<XerialSink>(out);
    case SnapCodec::kPlain:
      break;
  }
  return std::make_unique<PlainSink>(out);
}

std::optional<SnapCodec> detect_codec(Bytes first) {
  if (first.size() >= 4 && load_u32(first.data()) == 0x5a4b534e) return SnapCodec::kPlain;
  if (first.size() >= 2 && first[0] == std::byte{0x1f} && first[1] == std::byte{0x8b})
    return SnapCodec::kGzip;
  if (first.size() >= 8 && std::memcmp(first.data(), kXerialMagic, 8) == 0) return SnapCodec::kSnappy;
  return std::nullopt;
}

Result<bool> passes_cheap_test(File& file, SnapCodec codec) {
  std::byte bytes[8];
  if (codec != SnapCodec::kPlain) {
    ZK_TRY(std::size_t n, file.read_at(0, bytes));
    return detect_codec(Bytes(bytes, n)) == codec;
  }
  ZK_TRY(FileInfo info, file.info());
  if (info.size_bytes < 10) return false;
  ZK_TRY(std::size_t n, file.read_at(info.size_bytes - 5, MutableBytes(bytes, 5)));
  static constexpr std::byte kSealEnd[5] = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1},
                                            std::byte{0x2f}};
  return n == 5 && std::memcmp(bytes, kSealEnd, 5) == 0;
}

}  // namespace zkark
