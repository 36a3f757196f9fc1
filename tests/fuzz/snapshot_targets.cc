#include <vector>

#include "formats/snapshot.h"
#include "tests/fuzz/memory.h"
#include "tests/fuzz/targets.h"

namespace zkark::fuzz {
namespace {

constexpr std::size_t kMostPlain = 8 << 20;  // enough to see; a bomb ends here

struct Unwrapped {
  std::string plain;
  std::optional<Error> error;
};
Unwrapped unwrapped(Bytes input, SnapCodec codec, const Limits& limits, std::size_t step) {
  InputSource raw(input, step);
  auto source = unwrap(raw, codec, limits);
  Unwrapped result;
  std::vector<std::byte> block(step == 1 ? 777 : 65536);
  while (result.plain.size() < kMostPlain) {
    Result<std::size_t> n = source->read(block);
    if (!n) {
      result.error = std::move(n).error();
      return result;
    }
    if (*n == 0) return result;
    result.plain.append(as_text(Bytes(block).first(*n)));
  }
  result.plain.resize(kMostPlain);
  return result;
}

Status copy(SnapshotReader& reader, SnapshotWriter& writer, std::size_t sessions, std::size_t acls) {
  ZK_TRY(SnapshotHeader header, reader.read_header());
  ZK_TRY_STATUS(writer.begin(header, sessions));
  for (;;) {
    ZK_TRY(auto session, reader.next_session());
    if (!session) break;
    ZK_TRY_STATUS(writer.session(*session));
  }
  ZK_TRY_STATUS(writer.begin_acls(acls));
  for (;;) {
    ZK_TRY(auto acl, reader.next_acl());
    if (!acl) break;
    ZK_TRY_STATUS(writer.acl(*acl));
  }
  for (;;) {
    ZK_TRY(auto node, reader.next_node());
    if (!node) break;
    ZK_TRY_STATUS(writer.node(*node));
  }
  ZK_TRY(SnapshotTail tail, reader.read_tail());
  return writer.end(tail.digest, tail.last_processed_zxid);
}

void read_plain(Bytes plain, const Limits& limits, std::size_t step) {
  InputSource counted(plain, SIZE_MAX);
  SnapshotReader counting(counted, "input", limits);
  std::size_t sessions = 0, acls = 0;
  for (auto s = counting.next_session(); s && *s; s = counting.next_session()) ++sessions;
  for (auto a = counting.next_acl(); a && *a; a = counting.next_acl()) ++acls;

  InputSource source(plain, step);
  SnapshotReader reader(source, "input", limits);
  StringSink sink;
  SnapshotWriter writer(sink);
  Status copied = copy(reader, writer, sessions, acls);
  if (!copied) ZK_CHECK(copied.error().offset().has_value() && copied.error().file() == "input");
  if (copied && !limits.java) ZK_CHECK(sink.content == as_text(plain));
}

void stream(Bytes input, SnapCodec codec) {
  for (const Limits& limits : {Limits{}, Limits::java_3_8()}) {
    const Unwrapped whole = unwrapped(input, codec, limits, SIZE_MAX),
                    slow = unwrapped(input, codec, limits, 1);
    // Java's reading depends on where its input buffer ends, so only the default is compared.
    if (!limits.java) {
      ZK_CHECK(whole.plain == slow.plain);
      ZK_CHECK(whole.error.has_value() == slow.error.has_value());
      if (whole.error) ZK_CHECK(whole.error->id() == slow.error->id() && whole.error->offset().has_value());
    }
    read_plain(as_bytes(whole.plain), limits, SIZE_MAX);
  }
  StringSink sink;
  auto wrapped = wrap(sink, codec);
  ZK_CHECK(wrapped->write(input).has_value() && wrapped->finish().has_value());
  const Unwrapped back = unwrapped(as_bytes(sink.content), codec, {}, SIZE_MAX);
  ZK_CHECK(!back.error && back.plain == as_text(input));
  InputFile file(input);
  ZK_CHECK(passes_cheap_test(file, codec).has_value());
  (void)detect_codec(input);
}

}  // namespace

void snapshot_plain(Bytes input) {
  for (const Limits& limits : {Limits{}, Limits::java_3_8()})
    for (std::size_t step : {std::size_t{SIZE_MAX}, std::size_t{5}}) read_plain(input, limits, step);
}
void snapshot_gzip(Bytes input) { stream(input, SnapCodec::kGzip); }
void snapshot_snappy(Bytes input) { stream(input, SnapCodec::kSnappy); }

}  // namespace zkark::fuzz
