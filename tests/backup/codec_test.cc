#include "src/backup/codec.h"

#include <zstd.h>

#include "src/backup/sealed.h"
#include "tests/backup/lab.h"

namespace zkark::test {
namespace {

using namespace backup;

// Small enough to have many chunks and objects from little data.
constexpr CodecOptions kSmall{
    .level = 1, .hash_log = 12, .chunk_bytes = 1000, .plain_target = 16000, .stored_target = 6000};

struct Objects {
  std::vector<ObjectRef> refs;
  std::map<std::string, std::string> stored;
};

Objects encode(std::string_view plain, const CodecOptions& options, Executor& executor, std::size_t step) {
  Objects objects;
  ObjectEncoder encoder(ObjectKind::kBase, SnapCodec::kGzip, executor, options, [&](EncodedObject object) {
    objects.stored[object.ref.name] = std::move(object.stored);
    return Status();
  });
  for (std::size_t at = 0; at < plain.size(); at += step)
    EXPECT_TRUE(encoder.append(as_bytes(plain.substr(at, step))).has_value());
  auto refs = encoder.finish();
  EXPECT_TRUE(refs.has_value());
  objects.refs = std::move(*refs);
  return objects;
}

Objects encode(std::string_view plain, const CodecOptions& options = kSmall) {
  InlineExecutor executor;
  return encode(plain, options, executor, 777);
}

Result<std::string> decode(std::string stored, const ObjectRef& ref, std::size_t step = 333) {
  ZK_TRY(auto reader, ObjectReader::open(std::move(stored), ref));
  std::string plain;
  for (;;) {
    std::vector<std::byte> block(step);
    ZK_TRY(std::size_t got, reader->read(block));
    plain += as_text({block.data(), got});
    if (got < block.size()) return plain;
  }
}

TEST(Codec, GivesBackWhatWasStoredWhateverTheLength) {
  for (std::size_t size : {0, 1, 999, 1000, 1001, 3999, 4000, 4001, 15999, 16000, 16001, 40000, 100001}) {
    for (const std::string& plain : {sample_text(size, 5), noise(size, 6), std::string(size, 'x')}) {
      SCOPED_TRACE(size);
      const Objects objects = encode(plain);
      std::string back;
      for (const ObjectRef& ref : objects.refs) {
        auto part = decode(objects.stored.at(ref.name), ref);
        ZK_ASSERT_OK(part);
        EXPECT_EQ(part->size(), ref.plain_bytes);
        back += *part;
      }
      EXPECT_EQ(back, plain);
    }
  }
}

TEST(Codec, NamesAnObjectByTheHashOfItsStoredBytesAndSaysTheRestInTheHeader) {
  const std::string plain = sample_text(5000, 1);
  const Objects objects = encode(plain);
  ASSERT_EQ(objects.refs.size(), 1u);
  const ObjectRef& ref = objects.refs[0];
  const std::string& stored = objects.stored.at(ref.name);
  EXPECT_EQ(ref.name, sha256_hex(as_bytes(stored)));
  EXPECT_EQ(ref.stored_bytes, stored.size());
  EXPECT_EQ(ref.plain_xxh3, plain_hash_hex(as_bytes(plain)));
  EXPECT_EQ(stored.substr(0, 4), "\x50\x2a\x4d\x18");
  EXPECT_EQ(stored.substr(8, 8), "ZKARKOBJ");
  auto header = decode_header(as_bytes(stored));
  ZK_ASSERT_OK(header);
  EXPECT_EQ(header->kind, ObjectKind::kBase);
  EXPECT_EQ(header->source_codec, SnapCodec::kGzip);
  EXPECT_EQ(header->plain_bytes, 5000u);
  EXPECT_EQ(header->chunk_bytes, 1000u);
}

TEST(Codec, HashesPlainBytesAsXxhsumPrintsIt) {
  EXPECT_EQ(plain_hash_hex({}), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(plain_hash_hex(as_bytes("tickTime=2000\n")), "1c31a602b4a67ff704e113f0726af092");
  const std::string plain = sample_text(9000, 5);
  PlainHasher pieces;
  for (std::size_t at = 0; at < plain.size(); at += 700) pieces.add(as_bytes(plain.substr(at, 700)));
  EXPECT_EQ(to_hex(pieces.finish()), plain_hash_hex(as_bytes(plain)));
  EXPECT_EQ(to_hex(pieces.finish()), plain_hash_hex({}));
}

TEST(Codec, FindsAnObjectThatHoldsOtherBytesThanItSays) {
  Objects objects = encode(sample_text(5000, 1));
  const Objects others = encode(sample_text(5000, 2));
  // Whole frames, a right name, the right length: only the hash of the plain bytes tells.
  std::string mixed = objects.stored.at(objects.refs[0].name).substr(0, kObjectHeaderBytes) +
                      others.stored.at(others.refs[0].name).substr(kObjectHeaderBytes);
  ObjectRef ref = objects.refs[0];
  ref.name = sha256_hex(as_bytes(mixed));
  ref.stored_bytes = mixed.size();
  EXPECT_EQ(error_of(decode(mixed, ref)), ErrorId::kObjectDamaged);
}

TEST(Codec, IsReadByPlainZstd) {
  for (std::size_t size : {0, 10, 5000, 50000}) {
    const std::string plain = sample_text(size, 9);
    std::string all;
    const Objects objects = encode(plain);
    for (const ObjectRef& ref : objects.refs) all += objects.stored.at(ref.name);
    std::string back(size + 100, '\0');
    const std::size_t got = ZSTD_decompress(back.data(), back.size(), all.data(), all.size());
    ASSERT_FALSE(ZSTD_isError(got)) << ZSTD_getErrorName(got);
    back.resize(got);
    EXPECT_EQ(back, plain);
  }
}

TEST(Codec, CutsObjectsByStoredAndByPlainBytes) {
  const Objects incompressible = encode(noise(40000, 3));
  EXPECT_GT(incompressible.refs.size(), 4u);
  for (const ObjectRef& ref : incompressible.refs) EXPECT_LE(ref.stored_bytes, 6000u + 4 * 1100);
  const Objects flat = encode(std::string(40000, 'x'));
  EXPECT_EQ(flat.refs.size(), 3u);
  EXPECT_EQ(flat.refs[0].plain_bytes, 16000u);
}

/// Runs tasks backwards: as different from inline as one thread can be.
struct BackwardsExecutor final : Executor {
  Status run_all(std::span<const std::function<Status()>> tasks) override {
    Status first;
    for (std::size_t i = tasks.size(); i-- > 0;)
      if (Status outcome = tasks[i](); !outcome) first = std::move(outcome);
    return first;
  }
  unsigned width() const override { return 4; }
};

TEST(Codec, MakesTheSameObjectsHoweverTheBytesArriveAndTheTasksRun) {
  const std::string plain = sample_text(60000, 2) + noise(30000, 2);
  InlineExecutor in_order;
  BackwardsExecutor backwards;
  const Objects expected = encode(plain, kSmall, in_order, 60000);
  EXPECT_EQ(encode(plain, kSmall, in_order, 1).stored, expected.stored);
  EXPECT_EQ(encode(plain, kSmall, backwards, 4096).stored, expected.stored);
  EXPECT_EQ(encode(plain, kSmall, backwards, 1000).refs, expected.refs);
}

TEST(Codec, LetsTheCallerRunTheTasksBesideItsOwn) {
  const std::string plain = sample_text(30000, 8);
  std::map<std::string, std::string> stored;
  InlineExecutor executor;
  ObjectEncoder encoder(ObjectKind::kBase, SnapCodec::kGzip, executor, kSmall, [&](EncodedObject object) {
    stored[object.ref.name] = std::move(object.stored);
    return Status();
  });
  int own_work = 0;
  for (Bytes rest = as_bytes(plain); !rest.empty();) {
    rest = rest.subspan(encoder.fill(rest));
    if (!encoder.batch_full()) continue;
    std::vector<ObjectEncoder::Task> tasks{[&] { return ++own_work, Status(); }};
    encoder.add_tasks(tasks);
    ZK_ASSERT_OK(executor.run_all(tasks));
    ZK_ASSERT_OK(encoder.settle());
  }
  auto refs = encoder.finish();
  ZK_ASSERT_OK(refs);
  EXPECT_EQ(own_work, 7);
  EXPECT_EQ(stored, encode(plain).stored);
  EXPECT_EQ(*refs, encode(plain).refs);
}

TEST(Codec, PassesOnTheErrorOfTheSink) {
  InlineExecutor executor;
  ObjectEncoder encoder(ObjectKind::kBase, SnapCodec::kPlain, executor, kSmall,
                        [](EncodedObject) -> Status { return fail(ErrorId::kDiskFull, "full"); });
  Status outcome = encoder.append(as_bytes(noise(100000, 1)));
  EXPECT_EQ(error_of(outcome), ErrorId::kDiskFull);
}

TEST(Codec, DetectsEveryFlippedBitAndEveryLengthBeforeDecompressing) {
  const Objects objects = encode(sample_text(1500, 4));
  const ObjectRef ref = objects.refs[0];
  const std::string good = objects.stored.at(ref.name);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      EXPECT_EQ(error_of(ObjectReader::open(bad, ref)), ErrorId::kObjectDamaged) << at << " " << bit;
    }
    EXPECT_EQ(error_of(ObjectReader::open(good.substr(0, at), ref)), ErrorId::kObjectDamaged) << at;
  }
  EXPECT_EQ(error_of(ObjectReader::open(good + "x", ref)), ErrorId::kObjectDamaged);
}

/// An object whose name is right whatever it holds: what a hostile repository can bring.
ObjectRef name_of_bytes(const std::string& stored, ObjectRef ref) {
  ref.name = sha256_hex(as_bytes(stored));
  ref.stored_bytes = stored.size();
  return ref;
}

TEST(Codec, StaysSoundOnAnyDamageWithARightName) {
  const std::string plain = sample_text(1500, 4);
  const Objects objects = encode(plain);
  const std::string good = objects.stored.at(objects.refs[0].name);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      auto back = decode(bad, name_of_bytes(bad, objects.refs[0]));
      // Only what nothing reads may differ: the codec note, the kind.
      if (back) {
        EXPECT_EQ(*back, plain) << at << " " << bit;
      }
    }
    const std::string cut = good.substr(0, at);
    EXPECT_FALSE(decode(cut, name_of_bytes(cut, objects.refs[0])).has_value()) << at;
  }
}

TEST(Codec, StopsABombAtTheLengthTheManifestNames) {
  // A frame that says it holds 100 MB of zeros, behind a header that promises 1000 bytes.
  std::string bomb(ZSTD_compressBound(100u << 20), '\0');
  {
    const std::string zeros(100u << 20, '\0');
    const std::size_t size = ZSTD_compress(bomb.data(), bomb.size(), zeros.data(), zeros.size(), 1);
    ASSERT_FALSE(ZSTD_isError(size));
    bomb.resize(size);
  }
  ObjectHeader header;
  header.plain_bytes = 1000;
  header.chunk_bytes = 1000;
  const auto bytes = encode_header(header);
  std::string stored(as_text(bytes));
  stored += bomb;
  const ObjectRef ref = name_of_bytes(stored, {"", 0, 1000, to_hex(header.plain_hash)});
  auto reader = ObjectReader::open(stored, ref);
  ZK_ASSERT_OK(reader);
  std::vector<std::byte> block(64u << 10);
  EXPECT_EQ(error_of((*reader)->read(block)), ErrorId::kObjectDamaged);
}

TEST(Codec, SeeksLikeAFile) {
  const std::string plain = sample_text(9500, 7);
  const Objects objects = encode(plain);
  ASSERT_EQ(objects.refs.size(), 1u);
  auto reader = ObjectReader::open(objects.stored.at(objects.refs[0].name), objects.refs[0]);
  ZK_ASSERT_OK(reader);
  SimRandom random(3);
  for (int i = 0; i < 2000; ++i) {
    const std::size_t at = i % 10 == 0 ? plain.size() : random.below(plain.size() + 1);
    std::vector<std::byte> block(random.below(2500));
    ZK_ASSERT_OK((*reader)->seek(at));
    auto got = (*reader)->read(block);
    ZK_ASSERT_OK(got);
    ASSERT_EQ(as_text({block.data(), *got}), plain.substr(at, block.size())) << at;
    EXPECT_EQ((*reader)->position(), at + *got);
  }
}

TEST(Codec, RefusesALaterFormatByName) {
  const Objects objects = encode("abc");
  std::string later = objects.stored.at(objects.refs[0].name);
  later[17] = 2;
  EXPECT_EQ(error_of(ObjectReader::open(later, name_of_bytes(later, objects.refs[0]))),
            ErrorId::kRepositoryTooNew);
  later[17] = 1;
  later[21] = 1;  // encrypted
  EXPECT_EQ(error_of(decode_header(as_bytes(later))), ErrorId::kRepositoryTooNew);
}

TEST(Sealed, DetectsEveryFlippedBitAndEveryCut) {
  const std::string good = seal("head", 1, "{\n  \"zkark_needed\": \"0.1.0\"\n}\n");
  ASSERT_TRUE(unseal(good, "head", 1).has_value());
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      EXPECT_FALSE(unseal(bad, "head", 1).has_value()) << at << " " << bit;
      EXPECT_NE(error_of(unseal(bad, "head", 1)), ErrorId::kRepositoryTooNew) << "damage, not a version";
    }
    EXPECT_FALSE(unseal(good.substr(0, at), "head", 1).has_value()) << at;
  }
  EXPECT_FALSE(unseal(good + " ", "head", 1).has_value());
}

TEST(Sealed, NamesTheReleaseThatALaterFormatNeeds) {
  auto later = unseal(seal("head", 7, "{\"zkark_needed\": \"2.5.0\"}"), "head", 1);
  ASSERT_EQ(error_of(later), ErrorId::kRepositoryTooNew);
  EXPECT_NE(later.error().hint().find("2.5.0"), std::string::npos);
}

}  // namespace
}  // namespace zkark::test
