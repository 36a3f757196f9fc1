// The header of objects, and reading them back through a Boost.Iostreams chain:
//   hash of the plain bytes <- limit to the length the manifest names <- zstd <- stored bytes
// composed without buffers in between. Writing has no chain: chunks are compressed in parallel, one call each
// (object_encoder.cc). Encryption will be one more filter above the stored bytes.
#include "src/backup/codec.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <boost/iostreams/compose.hpp>
#include <boost/iostreams/concepts.hpp>
#include <boost/iostreams/device/array.hpp>
#include <boost/iostreams/read.hpp>
#include <optional>

#include "formats/base/check.h"

namespace zkark::backup {
namespace {

namespace io = boost::iostreams;

// ---- header: numbers of the frame are little-endian (zstd), ours big-endian like everything of ZooKeeper's
// ----

constexpr std::uint32_t kSkippableMagic = 0x184d2a50;
constexpr std::uint32_t kPayloadBytes = kObjectHeaderBytes - 8;
constexpr std::string_view kMagic = "ZKARKOBJ";
constexpr std::uint16_t kFormat = 1;
constexpr std::size_t kReservedFrom = 56;  // 72 bytes: key id and nonce of encryption

void store_le32(std::byte* to, std::uint32_t value) { std::memcpy(to, &value, sizeof value); }
std::uint32_t load_le32(const std::byte* from) {
  std::uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

Failure damaged(std::string message) { return fail(ErrorId::kObjectDamaged, std::move(message)); }

}  // namespace

std::array<std::byte, kObjectHeaderBytes> encode_header(const ObjectHeader& header) {
  std::array<std::byte, kObjectHeaderBytes> bytes{};
  std::byte* const p = bytes.data();
  store_le32(p, kSkippableMagic);
  store_le32(p + 4, kPayloadBytes);
  std::memcpy(p + 8, kMagic.data(), kMagic.size());
  p[17] = static_cast<std::byte>(kFormat);
  p[18] = static_cast<std::byte>(header.kind);
  p[19] = static_cast<std::byte>(header.source_codec);
  p[20] = std::byte{1};  // compression: zstd
  p[21] = std::byte{0};  // encryption: none
  store_u64(p + 24, header.plain_bytes);
  store_u64(p + 32, header.chunk_bytes);
  std::memcpy(p + 40, header.plain_hash.data(), header.plain_hash.size());
  return bytes;
}

Result<ObjectHeader> decode_header(Bytes stored) {
  if (stored.size() < kObjectHeaderBytes)
    return fail(Error(ErrorId::kTruncated, "too short for an object's header").at_offset(stored.size()));
  const std::byte* const p = stored.data();
  if (load_le32(p) != kSkippableMagic || load_le32(p + 4) != kPayloadBytes ||
      as_text(stored.subspan(8, kMagic.size())) != kMagic)
    return fail(ErrorId::kBadMagic, "no zkark object: the first bytes are not its header");
  const unsigned format = std::to_integer<unsigned>(p[16]) << 8 | std::to_integer<unsigned>(p[17]);
  if (format > kFormat)
    return fail(ErrorId::kRepositoryTooNew,
                fmt::format("object format {}; this zkark reads {}", format, kFormat));
  if (p[20] != std::byte{1} || p[21] != std::byte{0})
    return fail(ErrorId::kRepositoryTooNew,
                fmt::format("compression {}, encryption {}: unknown to this zkark",
                            std::to_integer<unsigned>(p[20]), std::to_integer<unsigned>(p[21])));
  ObjectHeader header;
  const unsigned kind = std::to_integer<unsigned>(p[18]), codec = std::to_integer<unsigned>(p[19]);
  if (format == 0 || kind < 1 || kind > 3 || codec > 2)
    return damaged("a header field has an impossible value");
  header.kind = static_cast<ObjectKind>(kind);
  header.source_codec = static_cast<SnapCodec>(codec);
  static_assert(static_cast<int>(SnapCodec::kPlain) == 0 && static_cast<int>(SnapCodec::kGzip) == 1 &&
                static_cast<int>(SnapCodec::kSnappy) == 2);  // as stored
  header.plain_bytes = load_u64(p + 24);
  header.chunk_bytes = load_u64(p + 32);
  if (header.chunk_bytes == 0 || header.chunk_bytes > kChunkMax)
    return damaged("impossible chunk length in the header");
  std::memcpy(header.plain_hash.data(), p + 40, header.plain_hash.size());
  const auto zero = [](std::byte b) { return b == std::byte{0}; };
  if (!std::all_of(p + 22, p + 24, zero) || !std::all_of(p + kReservedFrom, p + kObjectHeaderBytes, zero))
    return damaged("a reserved byte of the header is set");
  return header;
}

// ---- reading ----

namespace {

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

/// What the filters share. They are copied into the chain; this is not.
struct Shared {
  std::unique_ptr<ZSTD_DCtx, FreeContext> context;
  ZSTD_inBuffer in{nullptr, 0, 0};
  char block[32768];
  std::uint64_t limit = 0;     // plain bytes that may come out
  std::uint64_t position = 0;  // plain bytes that came out
  bool frame_open = false;
  std::optional<PlainHasher> hasher;  // nothing after a seek
  std::optional<Error> error;

  std::streamsize give_up(std::string message) {
    if (!error) error.emplace(ErrorId::kObjectDamaged, std::move(message));
    return -1;
  }
};

/// Ordinary zstd frames, one after the other; skippable ones are skipped.
struct ZstdFilter : io::multichar_input_filter {
  explicit ZstdFilter(Shared* s) : shared(s) {}
  template <class Source>
  std::streamsize read(Source& source, char* to, std::streamsize n) {
    Shared& s = *shared;
    ZSTD_outBuffer out{to, static_cast<std::size_t>(n), 0};
    while (out.pos == 0 && !s.error) {
      if (s.in.pos == s.in.size) {
        const std::streamsize got = io::read(source, s.block, sizeof s.block);
        if (got <= 0 && s.frame_open) return s.give_up("the compressed data ends inside a frame");
        if (got <= 0) return -1;
        s.in = {s.block, static_cast<std::size_t>(got), 0};
      }
      const std::size_t rest = ZSTD_decompressStream(s.context.get(), &out, &s.in);
      if (ZSTD_isError(rest)) return s.give_up(fmt::format("zstd: {}", ZSTD_getErrorName(rest)));
      s.frame_open = rest != 0;
    }
    return s.error ? -1 : static_cast<std::streamsize>(out.pos);
  }
  Shared* shared;
};

/// Stops a bomb, and hashes what passes.
struct CheckFilter : io::multichar_input_filter {
  explicit CheckFilter(Shared* s) : shared(s) {}
  template <class Source>
  std::streamsize read(Source& source, char* to, std::streamsize n) {
    Shared& s = *shared;
    const std::streamsize got = io::read(source, to, n);
    if (got <= 0) return got;
    if (static_cast<std::uint64_t>(got) > s.limit - s.position)
      return s.give_up(fmt::format("more than the {} bytes it should hold", s.limit));
    s.position += static_cast<std::uint64_t>(got);
    if (s.hasher) s.hasher->add(as_bytes({to, static_cast<std::size_t>(got)}));
    return got;
  }
  Shared* shared;
};

using Inner = io::composite<ZstdFilter, io::array_source>;
using Chain = io::composite<CheckFilter, Inner>;

}  // namespace

struct ObjectReader::State {
  std::string stored;
  ObjectRef ref;
  ObjectHeader header;
  Shared shared;
  std::optional<Chain> chain;
  std::vector<std::size_t> frames;  // where the known frames start
  bool checked_end = false;
  bool check_plain = true;

  void start_at(std::size_t frame) {
    ZSTD_DCtx_reset(shared.context.get(), ZSTD_reset_session_only);
    shared.in = {nullptr, 0, 0};
    shared.frame_open = false;
    shared.position = frame * header.chunk_bytes;
    shared.hasher.reset();
    if (frame == 0 && check_plain) shared.hasher.emplace();
    checked_end = false;
    const std::size_t from = frames[frame];
    chain.emplace(CheckFilter(&shared),
                  Inner(ZstdFilter(&shared), io::array_source(stored.data() + from, stored.size() - from)));
  }

  Status find_frame(std::size_t wanted) {
    while (frames.size() <= wanted) {
      const std::size_t at = frames.back();
      const char* const p = stored.data() + at;
      const std::size_t size = ZSTD_findFrameCompressedSize(p, stored.size() - at);
      if (ZSTD_isError(size) || ZSTD_getFrameContentSize(p, stored.size() - at) != header.chunk_bytes)
        return damaged("a frame does not hold one chunk");
      frames.push_back(at + size);
    }
    return {};
  }

  Result<std::size_t> read_some(char* to, std::size_t n) {
    try {
      const std::streamsize got = io::read(*chain, to, static_cast<std::streamsize>(n));
      if (shared.error) return fail(shared.error->clone());
      return got <= 0 ? 0 : static_cast<std::size_t>(got);
    } catch (const std::bad_alloc&) {
      return fail(ErrorId::kOutOfMemory, "no memory to decompress");
    } catch (const std::exception& problem) {
      return fail(ErrorId::kInternal, problem.what());
    }
  }

  Status check_end() {
    if (checked_end) return {};
    checked_end = true;
    if (shared.position != ref.plain_bytes)
      return damaged(fmt::format("holds {} plain bytes, not {}", shared.position, ref.plain_bytes));
    if (shared.hasher && to_hex(shared.hasher->finish()) != ref.plain_xxh3)
      return damaged("the decompressed bytes do not match their hash");
    return {};
  }
};

Result<std::unique_ptr<ObjectReader>> ObjectReader::open(std::string stored, const ObjectRef& ref,
                                                         Checks checks) {
  if (stored.size() != ref.stored_bytes)
    return damaged(fmt::format("{} bytes long, not {}", stored.size(), ref.stored_bytes));
  if (sha256_hex(as_bytes(stored)) != ref.name)
    return damaged("the stored bytes do not match the object's name");
  Result<ObjectHeader> header = decode_header(as_bytes(stored));
  if (!header) {
    if (header.error().id() == ErrorId::kRepositoryTooNew) return fail(std::move(header).error());
    return damaged(header.error().message());
  }
  if (header->plain_bytes != ref.plain_bytes || to_hex(header->plain_hash) != ref.plain_xxh3)
    return damaged("header and manifest disagree on the plain bytes");
  auto state = std::make_unique<State>();
  state->stored = std::move(stored);
  state->ref = ref;
  state->header = *header;
  state->check_plain = checks == Checks::kStoredAndPlain;
  state->shared.limit = ref.plain_bytes;
  state->shared.context.reset(ZSTD_createDCtx());
  if (!state->shared.context) return fail(ErrorId::kOutOfMemory, "no memory to decompress");
  static_assert(kChunkMax == 1u << 23);
  ZSTD_DCtx_setParameter(state->shared.context.get(), ZSTD_d_windowLogMax, 23);
  state->frames.push_back(kObjectHeaderBytes);
  state->start_at(0);
  return std::unique_ptr<ObjectReader>(new ObjectReader(std::move(state)));
}

ObjectReader::ObjectReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
ObjectReader::~ObjectReader() = default;
const ObjectHeader& ObjectReader::header() const { return state_->header; }
std::uint64_t ObjectReader::position() const { return state_->shared.position; }

Result<std::size_t> ObjectReader::read(MutableBytes into) {
  State& s = *state_;
  std::size_t done = 0;
  while (done < into.size()) {
    ZK_TRY(std::size_t got, s.read_some(reinterpret_cast<char*>(into.data()) + done, into.size() - done));
    if (got == 0) {
      ZK_TRY_STATUS(s.check_end());
      break;
    }
    done += got;
  }
  // The hash is due with the last byte, not with the call after it, which a caller may never make.
  if (s.shared.position == s.ref.plain_bytes && !s.checked_end) {
    char more;
    ZK_TRY(std::size_t got, s.read_some(&more, 1));
    ZK_CHECK(got == 0);  // the limit turned it into an error
    ZK_TRY_STATUS(s.check_end());
  }
  return done;
}

Status ObjectReader::seek(std::uint64_t offset) {
  State& s = *state_;
  ZK_CHECK(offset <= s.ref.plain_bytes);
  const std::uint64_t position = s.shared.position;
  if (offset == position) return {};
  const std::size_t frame = static_cast<std::size_t>(offset / s.header.chunk_bytes);
  if (offset < position || frame != position / s.header.chunk_bytes) {
    // At the very end there may be no frame to start.
    const std::size_t start =
        offset == s.ref.plain_bytes && frame > 0 && offset % s.header.chunk_bytes == 0 ? frame - 1 : frame;
    ZK_TRY_STATUS(s.find_frame(start));
    s.start_at(start);
  }
  char skipped[16384];
  while (s.shared.position < offset) {
    ZK_TRY(std::size_t got,
           s.read_some(skipped, std::min<std::uint64_t>(sizeof skipped, offset - s.shared.position)));
    if (got == 0) return damaged("ends before the place asked for");
  }
  return {};
}

}  // namespace zkark::backup
