#include "formats/snap_stream.h"

#include <fmt/format.h>
#include <snappy.h>

#include <algorithm>
#include <boost/iostreams/filter/gzip.hpp>
#include <boost/iostreams/filtering_stream.hpp>
#include <exception>
#include <vector>

namespace zkark {
namespace {

namespace io = boost::iostreams;

constexpr std::size_t kBlockBytes = 32 << 10;          // what snappy-java writes
constexpr std::size_t kMaxXerialBlock = 64 << 20;      // far above anything real; a block is held in memory
constexpr std::size_t kXerialHeaderBytes = 16;
constexpr char kXerialMagic[8] = {'\x82', 'S', 'N', 'A', 'P', 'P', 'Y', '\0'};

/// Feeds a Boost.Iostreams chain from a ByteSource. An Error cannot travel through the chain: it is kept here.
class SourceDevice {
 public:
  using char_type = char;
  using category = io::source_tag;
  SourceDevice(ByteSource& source, std::optional<Error>& error, std::uint64_t& consumed)
      : source_(&source), error_(&error), consumed_(&consumed) {}
  std::streamsize read(char* into, std::streamsize size) {
    Result<std::size_t> n =
        source_->read(std::as_writable_bytes(std::span(into, static_cast<std::size_t>(size))));
    if (!n) {
      *error_ = std::move(n).error();
      return -1;
    }
    *consumed_ += *n;
    return *n == 0 ? -1 : static_cast<std::streamsize>(*n);
  }

 private:
  ByteSource* source_;
  std::optional<Error>* error_;
  std::uint64_t* consumed_;
};

class GzipSource : public ByteSource {
 public:
  explicit GzipSource(ByteSource& wrapped) {
    in_.push(io::gzip_decompressor(io::zlib::default_window_bits, 64 << 10));
    in_.push(SourceDevice(wrapped, error_, consumed_), 64 << 10);
  }
  Result<std::size_t> read(MutableBytes into) override {
    if (finished_ || into.empty()) return std::size_t{0};
    std::streamsize n = -1;
    try {
      n = io::read(in_, reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    } catch (const std::exception& problem) {
      return failure(problem.what());
    }
    if (error_) return fail(std::move(*error_));
    if (n > 0) return static_cast<std::size_t>(n);
    finished_ = true;
    // The filter throws on a damaged member; a stream that just stops short is told by the missing footer.
    try {
      if (!in_.component<0, io::gzip_decompressor>()) return failure("the gzip stream is not readable");
    } catch (const std::exception& problem) {
      return failure(problem.what());
    }
    return std::size_t{0};
  }

 private:
  Failure failure(const char* what) {
    finished_ = true;
    if (error_) return fail(std::move(*error_));
    return fail(Error(ErrorId::kBadCompression, fmt::format("damaged gzip data ({})", what)).at_offset(consumed_));
  }
  std::optional<Error> error_;
  std::uint64_t consumed_ = 0;
  bool finished_ = false;
  io::filtering_streambuf<io::input> in_;
};

class XerialSource : public ByteSource {
 public:
  explicit XerialSource(ByteSource& wrapped) : wrapped_(wrapped) {}

  Result<std::size_t> read(MutableBytes into) override {
    while (position_ == plain_.size()) {
      ZK_TRY(bool more, next_block());
      if (!more) return std::size_t{0};
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
    return fail(Error(ErrorId::kBadCompression, fmt::format("damaged snappy data ({})", what)).at_offset(consumed_));
  }

  /// Decompresses the next block; a repeated stream header (concatenated streams) is passed over.
  Result<bool> next_block() {
    if (!header_read_) {
      ZK_TRY_STATUS(gather(kXerialHeaderBytes));
      if (scratch_.size() != kXerialHeaderBytes || std::memcmp(scratch_.data(), kXerialMagic, 8) != 0)
        return damaged("the stream header is missing");
      header_read_ = true;
    }
    ZK_TRY_STATUS(gather(4));
    if (scratch_.empty()) return false;
    if (scratch_.size() < 4) return damaged("the stream ends inside a block length");
    if (std::memcmp(scratch_.data(), kXerialMagic, 4) == 0) {
      ZK_TRY_STATUS(gather(kXerialHeaderBytes - 4));
      if (scratch_.size() != kXerialHeaderBytes - 4) return damaged("the stream ends inside a repeated header");
      plain_.clear();
      position_ = 0;
      return true;
    }
    const std::uint32_t length = load_u32(reinterpret_cast<const std::byte*>(scratch_.data()));
    if (length > kMaxXerialBlock) return damaged("a block length is impossible");
    ZK_TRY_STATUS(gather(length));
    if (scratch_.size() != length) return damaged("the stream ends inside a block");
    std::size_t plain = 0;
    if (!snappy::GetUncompressedLength(scratch_.data(), scratch_.size(), &plain) || plain > kMaxXerialBlock)
      return damaged("a block's plain length is impossible");
    // Snappy cannot expand more than about 21 times (a 3-byte copy gives 64): refuse before allocating.
    if (plain > scratch_.size() * 64 + 64) return damaged("a block claims to expand beyond what snappy can");
    plain_.resize(plain);
    position_ = 0;
    if (!snappy::RawUncompress(scratch_.data(), scratch_.size(), plain_.data())) return damaged("a block is malformed");
    return true;
  }

  ByteSource& wrapped_;
  std::string scratch_;
  std::string plain_;
  std::size_t position_ = 0;
  std::uint64_t consumed_ = 0;
  bool header_read_ = false;
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
  SinkDevice(ByteSink& sink, std::optional<Error>& error) : sink_(&sink), error_(&error) {}
  std::streamsize write(const char* from, std::streamsize size) {
    if (!*error_)
      if (Status s = sink_->write(as_bytes({from, static_cast<std::size_t>(size)})); !s) *error_ = std::move(s).error();
    return size;
  }

 private:
  ByteSink* sink_;
  std::optional<Error>* error_;
};

class GzipSink : public ByteSink {
 public:
  explicit GzipSink(ByteSink& out) : sink_(out) {
    io::gzip_params params(io::gzip::default_compression);
    params.mtime = 0;
    out_.push(io::gzip_compressor(params, 64 << 10));
    out_.push(SinkDevice(out, error_), 64 << 10);
  }
  Status write(Bytes bytes) override {
    try {
      io::write(out_, reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    } catch (const std::exception& problem) {
      return fail(ErrorId::kInternal, fmt::format("gzip: {}", problem.what()));
    }
    return state();
  }
  Status finish() override {
    try {
      io::close(out_);
    } catch (const std::exception& problem) {
      return fail(ErrorId::kInternal, fmt::format("gzip: {}", problem.what()));
    }
    ZK_TRY_STATUS(state());
    return sink_.finish();
  }

 private:
  Status state() {
    if (error_) return fail(error_->clone());
    return {};
  }
  ByteSink& sink_;
  std::optional<Error> error_;
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

std::unique_ptr<ByteSource> unwrap(ByteSource& wrapped, SnapCodec codec) {
  switch (codec) {
    case SnapCodec::kGzip: return std::make_unique<GzipSource>(wrapped);
    case SnapCodec::kSnappy: return std::make_unique<XerialSource>(wrapped);
    case SnapCodec::kPlain: break;
  }
  return std::make_unique<PlainSource>(wrapped);
}

std::unique_ptr<ByteSink> wrap(ByteSink& out, SnapCodec codec) {
  switch (codec) {
    case SnapCodec::kGzip: return std::make_unique<GzipSink>(out);
    case SnapCodec::kSnappy: return std::make_unique<XerialSink>(out);
    case SnapCodec::kPlain: break;
  }
  return std::make_unique<PlainSink>(out);
}

std::optional<SnapCodec> detect_codec(Bytes first) {
  if (first.size() >= 4 && load_u32(first.data()) == 0x5a4b534e) return SnapCodec::kPlain;
  if (first.size() >= 2 && first[0] == std::byte{0x1f} && first[1] == std::byte{0x8b}) return SnapCodec::kGzip;
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
  static constexpr std::byte kSealEnd[5] = {std::byte{0}, std::byte{0}, std::byte{0}, std::byte{1}, std::byte{0x2f}};
  return n == 5 && std::memcmp(bytes, kSealEnd, 5) == 0;
}

}  // namespace zkark
