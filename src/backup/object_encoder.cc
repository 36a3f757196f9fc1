// How objects are made. A batch is four chunks, whatever the width of the Executor, because an object may end
// only after a batch: how well its chunks compress is known only then. While one batch is compressed, the
// object that the batch before completed is stored.
#include <zstd.h>

#include <algorithm>
#include <optional>

#include "formats/base/check.h"
#include "src/backup/codec.h"

namespace zkark::backup {
namespace {

constexpr std::size_t kChunksPerBatch = 4;
// Below this, handing work to other threads costs more than it saves.
constexpr std::uint64_t kInlineBytes = 128u << 10;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using Context = std::unique_ptr<ZSTD_CCtx, FreeContext>;

/// A buffer that is not zeroed first and only ever grows.
class Buffer {
 public:
  std::byte* reserve(std::size_t bytes) {
    if (bytes > capacity_) {
      data_ = std::make_unique_for_overwrite<std::byte[]>(bytes);
      capacity_ = bytes;
    }
    return data_.get();
  }
  std::byte* data() const { return data_.get(); }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
};

struct Chunk {
  Buffer plain, packed;
  std::size_t plain_size = 0, plain_capacity = 0, packed_size = 0;
  Context context;

  Bytes bytes() const { return {plain.data(), plain_size}; }
};

Status compress(Chunk& chunk, const CodecOptions& options) {
  if (!chunk.context) {
    chunk.context.reset(ZSTD_createCCtx());
    if (!chunk.context) return fail(ErrorId::kOutOfMemory, "no memory for the compressor");
    ZSTD_CCtx* const context = chunk.context.get();
    std::size_t set = ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, options.level);
    if (!ZSTD_isError(set)) set = ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, options.hash_log);
    // zstd's own XXH64 per frame: `zstd -t` by hand then means something.
    if (!ZSTD_isError(set)) set = ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    if (ZSTD_isError(set)) return fail(ErrorId::kInternal, std::string("zstd: ") + ZSTD_getErrorName(set));
  }
  const std::size_t bound = ZSTD_compressBound(chunk.plain_size);
  const std::size_t size = ZSTD_compress2(chunk.context.get(), chunk.packed.reserve(bound), bound,
                                          chunk.plain.data(), chunk.plain_size);
  if (ZSTD_isError(size)) return fail(ErrorId::kInternal, std::string("zstd: ") + ZSTD_getErrorName(size));
  chunk.packed_size = size;
  return {};
}

}  // namespace

struct ObjectEncoder::State {
  ObjectKind kind;
  SnapCodec source_codec;
  Executor& executor;
  CodecOptions options;
  Sink sink;

  Chunk chunks[kChunksPerBatch];
  std::size_t filling = 0;  // index of the chunk being filled; kChunksPerBatch: the batch is full
  std::uint64_t plain_total = 0;

  // The object being built: room for its header, then the frames so far.
  std::string stored;
  std::uint64_t object_plain = 0;
  PlainHasher hasher;

  struct Sealed {
    std::size_t index;  // in refs
    std::string stored;
  };
  std::vector<Sealed> sealed;  // complete, not yet delivered
  std::vector<ObjectRef> refs;

  std::uint64_t batch_bytes() const {
    std::uint64_t bytes = 0;
    for (const Chunk& chunk : chunks) bytes += chunk.plain_size;
    return bytes;
  }

  Status deliver() {
    std::vector<Sealed> now = std::move(sealed);
    sealed.clear();
    for (Sealed& object : now) {
      ObjectRef& ref = refs[object.index];
      ref.name = sha256_hex(as_bytes(object.stored));
      ZK_TRY_STATUS(sink(EncodedObject{ref, std::move(object.stored)}));
    }
    return {};
  }

  void seal() {
    ObjectHeader header;
    header.kind = kind;
    header.source_codec = source_codec;
    header.plain_bytes = object_plain;
    header.chunk_bytes = options.chunk_bytes;
    header.plain_hash = hasher.finish();
    const auto bytes = encode_header(header);
    std::memcpy(stored.data(), bytes.data(), bytes.size());
    ZK_CHECK(stored.size() <= kObjectStoredMax);
    refs.push_back({{}, stored.size(), object_plain, to_hex(header.plain_hash)});
    sealed.push_back({refs.size() - 1, std::move(stored)});
    stored.clear();
    object_plain = 0;
  }
};

ObjectEncoder::ObjectEncoder(ObjectKind kind, SnapCodec source_codec, Executor& executor,
                             CodecOptions options, Sink sink)
    : state_(new State{kind, source_codec, executor, options, std::move(sink), {}, 0, 0, {}, 0, {}, {}, {}}) {
  ZK_CHECK(options.chunk_bytes > 0 && options.chunk_bytes <= kChunkMax);
  ZK_CHECK(options.stored_target + kChunksPerBatch * (options.chunk_bytes + (options.chunk_bytes >> 6)) <
           kObjectStoredMax);
}
ObjectEncoder::~ObjectEncoder() = default;

std::uint64_t ObjectEncoder::plain_bytes() const { return state_->plain_total; }
bool ObjectEncoder::batch_full() const { return state_->filling == kChunksPerBatch; }

std::size_t ObjectEncoder::fill(Bytes bytes) {
  State& s = *state_;
  std::size_t taken = 0;
  while (taken < bytes.size() && s.filling < kChunksPerBatch) {
    Chunk& chunk = s.chunks[s.filling];
    const std::size_t n =
        std::min<std::size_t>(bytes.size() - taken, s.options.chunk_bytes - chunk.plain_size);
    // Little data gets a little buffer; the second time round it is full size.
    if (chunk.plain_size + n > chunk.plain_capacity) {
      const std::size_t wanted = chunk.plain_size == 0 && n <= kInlineBytes
                                     ? std::min<std::size_t>(kInlineBytes, s.options.chunk_bytes)
                                     : s.options.chunk_bytes;
      Buffer larger;
      std::byte* const to = larger.reserve(std::max(wanted, n));
      if (chunk.plain_size > 0) std::memcpy(to, chunk.plain.data(), chunk.plain_size);
      chunk.plain = std::move(larger);
      chunk.plain_capacity = std::max(wanted, n);
    }
    std::memcpy(chunk.plain.data() + chunk.plain_size, bytes.data() + taken, n);
    chunk.plain_size += n;
    taken += n;
    if (chunk.plain_size < s.options.chunk_bytes) continue;
    s.hasher.add(chunk.bytes());  // while it is in the cache
    ++s.filling;
  }
  s.plain_total += taken;
  return taken;
}

void ObjectEncoder::add_tasks(std::vector<Task>& tasks) {
  State* const s = state_.get();
  if (!s->sealed.empty()) tasks.push_back([s] { return s->deliver(); });
  for (Chunk& chunk : s->chunks)
    if (chunk.plain_size > 0) tasks.push_back([s, &chunk] { return compress(chunk, s->options); });
}

Status ObjectEncoder::settle() {
  State& s = *state_;
  if (s.stored.empty()) {
    if (batch_full()) s.stored.reserve(s.options.stored_target + s.options.stored_target / 4);
    s.stored.resize(kObjectHeaderBytes);
  }
  for (Chunk& chunk : s.chunks) {
    if (chunk.plain_size == 0) continue;
    if (chunk.plain_size < s.options.chunk_bytes) s.hasher.add(chunk.bytes());  // fill() left it
    s.stored.append(reinterpret_cast<const char*>(chunk.packed.data()), chunk.packed_size);
    s.object_plain += chunk.plain_size;
    chunk.plain_size = 0;
  }
  s.filling = 0;
  if (s.object_plain >= s.options.plain_target || s.stored.size() >= s.options.stored_target) s.seal();
  return {};
}

Status ObjectEncoder::append(Bytes bytes) {
  State& s = *state_;
  for (;;) {
    bytes = bytes.subspan(fill(bytes));
    if (bytes.empty() && !batch_full()) return {};
    std::vector<Task> tasks;
    add_tasks(tasks);
    ZK_TRY_STATUS(s.executor.run_all(tasks));
    ZK_TRY_STATUS(settle());
  }
}

Result<std::vector<ObjectRef>> ObjectEncoder::finish() {
  State& s = *state_;
  const std::uint64_t rest = s.batch_bytes();
  if (rest > 0) {
    std::vector<Task> tasks;
    add_tasks(tasks);
    if (rest <= kInlineBytes)
      for (const Task& task : tasks) ZK_TRY_STATUS(task());
    else
      ZK_TRY_STATUS(s.executor.run_all(tasks));
    ZK_TRY_STATUS(settle());
  }
  if (s.object_plain == 0 && s.refs.empty()) {
    // No bytes at all: one empty frame, so that `zstd -d` has something to read.
    Chunk& chunk = s.chunks[0];
    ZK_TRY_STATUS(compress(chunk, s.options));
    s.stored.assign(kObjectHeaderBytes, '\0');
    s.stored.append(reinterpret_cast<const char*>(chunk.packed.data()), chunk.packed_size);
    s.seal();
  }
  if (s.object_plain > 0) s.seal();
  ZK_TRY_STATUS(s.deliver());
  return s.refs;
}

Result<EncodedObject> encode_object(ObjectKind kind, SnapCodec source_codec, Bytes plain,
                                    CodecOptions options) {
  struct Inline final : Executor {
    Status run_all(std::span<const std::function<Status()>> tasks) override {
      for (const auto& task : tasks) ZK_TRY_STATUS(task());
      return {};
    }
    unsigned width() const override { return 1; }
  } executor;
  std::optional<EncodedObject> made;
  ObjectEncoder encoder(kind, source_codec, executor, options, [&](EncodedObject object) -> Status {
    if (made) return fail(ErrorId::kBadLength, "too long for one object");
    made = std::move(object);
    return {};
  });
  ZK_TRY_STATUS(encoder.append(plain));
  ZK_TRY_STATUS(encoder.finish());
  return std::move(*made);
}

}  // namespace zkark::backup
