#include "src/backup/manifest.h"

#include "src/backup/head.h"
#include "src/backup/json_fields.h"
#include "src/backup/sealed.h"
#include "tests/backup/lab.h"
#include "tests/support/golden.h"

namespace zkark::test {
namespace {

using namespace backup;

ObjectRef ref_of(std::string_view text) {
  return {sha256_hex(as_bytes(std::string("stored ") + std::string(text))), 1000 + text.size(), text.size(),
          plain_hash_hex(as_bytes(text))};
}

/// Every field set, with values that would be lost by a careless encoding.
Manifest full_manifest() {
  Manifest m;
  m.id = "5be0a913000102030405060708090a0b";
  m.sequence = 7;
  m.zkark_version = "0.1.0";
  m.heads = {{"9c41d7e2000102030405060708090a0b", sha256_hex(as_bytes("head"))}};
  m.stored_bytes = 123456;
  m.new_stored_bytes = 23456;
  m.copied_from = CopiedFrom{"00112233445566778899aabbccddeeff", sha256_hex(as_bytes("there"))};
  m.type = BackupType::kIncr;
  m.cluster = "kafka-prod";
  m.parent = "9c41d7e2000102030405060708090a0b";
  m.timeline = {"0123456789abcdef", "fedcba9876543210", 0x10000000b, 0xffffffffu, "truncated tail"};
  m.started_ms = 1795239042001;
  m.taken_ms = 1795239044123;
  m.host = "zk1";
  m.source = {"dir", {"/var/lib/zookeeper"}, "/var/lib/zookeeper", "/var/log/\xff\xfe", 2, 3, 4, 0x30002b7c4};
  StoredBase base;
  base.data = {{ref_of("base one"), ref_of("base two")}, SnapCodec::kGzip};
  base.kind = StoredBase::Kind::kRaw;
  base.zxid = 0x30001a2f0;
  base.fuzzy_end = 0x30001a2ff;
  base.fuzzy_end_from = StoredBase::FuzzyEndFrom::kSections;
  base.file_name = "snapshot.30001a2f0.gz";
  base.source_bytes = 4711;
  base.source_mtime_ms = 1795239000000;
  base.digest = BaseDigest{0x30001a2fe, 2, 0xfedcba9876543210};
  base.last_processed_zxid = 0x30001a2ff;
  base.znodes = 184203;
  base.sessions = 12;
  m.bases = {base};
  StoredSegment segment;
  segment.data = {{ref_of("log")}, SnapCodec::kPlain};
  segment.file_name = "log.30001a2f1";
  segment.first_zxid = 0x30001a2f1;
  segment.last_zxid = 0x30002b7c4;
  segment.first_checksum = 0xdeadbeef;
  segment.last_checksum = 0x1;
  segment.records = 70612;
  segment.first_time_ms = 1795239000123;
  segment.last_time_ms = 1795239042123;
  segment.min_time_ms = -5;  // hostile logs hold any number
  segment.max_time_ms = 253402300800000;
  segment.source_end = {"log.30001a2f1", 1234567, 1234667, 0x30002b7c4, 0x1};
  segment.restorable = false;
  m.segments = {segment};
  m.gaps = {{0x100000005, 0x100000009, "the logs between were purged"}};
  m.epoch_steps = {{0x10000000b, 0x200000001, true, "digest"},
                   {0x200000005, 0x300000001, false, "not replayed"}};
  m.last_zxid = 0x30002b7c4;
  m.unconfirmed_from = 0x30002b7c0;
  m.certificate.grade = restore::ProofGrade::kPartly;
  m.certificate.proven = {{0x100000001, 0x100000005}, {0x30001a2ff, 0x30002b7c4}};
  m.certificate.failed_at = 0x30001a300;
  m.certificate.digests_compared = 70611;
  m.certificate.not_covered = {"ACL lists"};
  m.certificate.notes = {"lag by one txn at 0x30001a300"};
  m.windows = {{0x30001a2ff, 0x30002b7c4, 1795239000123, 1795239042123}};
  m.config = {{"zoo.cfg", "/etc/zookeeper/zoo.cfg", {{ref_of("tickTime=2000\n")}, SnapCodec::kPlain}}};
  m.landmarks = {{"/kafka", 0x100000002, 1795000000000},
                 {"/caf\xc3\xa9/\xe6\x97\xa5", 0x100000003, 1795000000001},
                 {"/bad\xc0\x80", 0x100000004, 1795000000002},
                 {"bytes:41", 0x100000005, 1795000000003}};
  m.source_bytes_read = 52009472;
  m.znodes = 184203;
  m.sessions = 12;
  m.tags = {{"why", "nightly \"run\""}, {"env", ""}};
  m.findings = {{restore::Severity::kGap, "ZKA-0301", "transactions are missing", "log.1", 16, 100, 0x5, 0x9},
                {restore::Severity::kNote, "ZKA-0601", "a torn tail", "log.9", {}, {}, {}, {}}};
  return m;
}

TEST(Manifest, ReadsAsItWasWritten) {
  for (const Manifest& manifest : {full_manifest(), [] {
                                     Manifest m;
                                     m.id = std::string(32, 'a');
                                     return m;
                                   }()}) {
    auto back = decode_manifest(encode_manifest(manifest));
    ZK_ASSERT_OK(back);
    EXPECT_EQ(back->manifest, manifest);
    EXPECT_TRUE(back->unknown_keys.empty());
  }
}

TEST(Manifest, LooksAsItAlwaysDid) {
  EXPECT_EQ(golden("tests/backup/golden/manifest.json", encode_manifest(full_manifest())), "");
}

TEST(Manifest, IsReadFromTheGoldenFileOfThisFormatVersion) {
  // What any release wrote with this version stays readable: the golden file may grow keys, never lose its
  // meaning.
  auto back = decode_manifest(encode_manifest(full_manifest()));
  ZK_ASSERT_OK(back);
  EXPECT_EQ(back->manifest.needs(), std::vector<std::string>{"9c41d7e2000102030405060708090a0b"});
  EXPECT_EQ(back->manifest.objects().size(), 4u);
  EXPECT_EQ(back->manifest.records(), 70612u);
}

TEST(Manifest, DetectsEveryFlippedBit) {
  const std::string good = encode_manifest(full_manifest());
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    EXPECT_FALSE(decode_manifest(bad).has_value()) << at;
  }
}

/// The manifest's JSON with one change, sealed again: what a later or a broken release could write.
Result<DecodedManifest> decode_changed(const std::function<void(boost::json::object&)>& change) {
  const std::string file = encode_manifest(full_manifest());
  auto object = parse_object(*unseal(file, "manifest", kManifestFormat));
  change(*object);
  return decode_manifest(seal("manifest", kManifestFormat, pretty(*object)));
}

TEST(Manifest, NamesTheKeyThatIsMissingOrWrong) {
  const std::vector<std::pair<std::function<void(boost::json::object&)>, std::string>> cases = {
      {[](auto& o) { o.erase("cluster"); }, "cluster is missing"},
      {[](auto& o) { o["segments"].at(0).as_object().erase("first_zxid"); },
       "segments[0].first_zxid is missing"},
      {[](auto& o) { o["segments"].at(0).as_object()["records"] = -1; },
       "segments[0].records is not a count"},
      {[](auto& o) { o["last_zxid"] = 12; }, "last_zxid is not a hex number"},
      {[](auto& o) { o["last_zxid"] = "0x"; }, "last_zxid is not a hex number"},
      {[](auto& o) { o["last_zxid"] = "0x11112222333344445"; }, "last_zxid is not a hex number"},
      {[](auto& o) { o["taken"] = "2026-02-30T00:00:00.000Z"; }, "taken is not a time"},
      {[](auto& o) { o["taken"] = "2026-02-20 00:00:00.000Z"; }, "taken is not a time"},
      {[](auto& o) { o["type"] = "diff"; }, "type has an unknown value"},
      {[](auto& o) { o["bases"] = "none"; }, "bases is not an array"},
      {[](auto& o) { o["bases"].as_array().emplace_back(1); }, "bases[1] is not an object"},
      {[](auto& o) { o["tags"].as_object()["why"] = 5; }, "tags holds something else than strings"},
      {[](auto& o) { o["host"] = "bytes:0"; }, "host is a malformed byte string"},
      {[](auto& o) { o["id"] = "5be0a913"; }, "the id is malformed"},
      {[](auto& o) { o["parent"] = ""; }, "an increment without parent"},
      {[](auto& o) {
         o["config"].at(0).at("data").at("parts").at(0).as_object()["object"] = "../../etc/passwd";
       },
       "an object's name is malformed"},
      {[](auto& o) {
         o["config"].at(0).at("data").at("parts").at(0).as_object()["stored_bytes"] = 1ull << 40;
       },
       "an object is larger than objects can be"},
  };
  for (const auto& [change, message] : cases) {
    auto decoded = decode_changed(change);
    ASSERT_EQ(error_of(decoded), ErrorId::kDamaged) << message;
    EXPECT_EQ(decoded.error().message(), message);
  }
}

TEST(Manifest, ToleratesAndNamesKeysOfALaterRelease) {
  auto decoded = decode_changed([](boost::json::object& o) {
    o["weather"] = "fine";
    o["segments"].at(0).as_object()["index"] = 5;
  });
  ZK_ASSERT_OK(decoded);
  EXPECT_EQ(decoded->unknown_keys, (std::vector<std::string>{"segments[0].index", "weather"}));
}

TEST(Manifest, RefusesALaterFormatWithTheReleaseNeeded) {
  auto decoded = decode_manifest(seal("manifest", 2, "{\"zkark_needed\": \"3.0.0\"}"));
  ASSERT_EQ(error_of(decoded), ErrorId::kRepositoryTooNew);
  EXPECT_NE(decoded.error().hint().find("3.0.0"), std::string::npos);
}

TEST(Manifest, SurvivesHostileJson) {
  std::string deep(100000, '[');
  for (const std::string& body :
       {deep, std::string("{"), std::string("[]"), std::string("{\"id\": \"\xff\"}"), std::string(1, '\0'),
        std::string("{\"a\":1e999999}"), std::string()})
    EXPECT_EQ(error_of(decode_manifest(seal("manifest", 1, body))), ErrorId::kDamaged);
}

TEST(Head, ReadsAsItWasWrittenAndRefusesWhatContradictsItself) {
  Head head;
  head.repository_id = std::string(32, 'b');
  head.sequence = 9;
  head.newest = std::string(32, 'c');
  HeadEntry entry;
  entry.id = head.newest;
  entry.sha256 = std::string(64, 'd');
  entry.sequence = 9;
  entry.cluster = "default";
  entry.timeline = "0123456789abcdef";
  entry.order_ms = 5;
  entry.needs = {"x"};
  entry.tags = {{"a", "b"}};
  entry.certificate = full_manifest().certificate;
  head.live = {entry};
  head.removed = {{std::string(32, 'e'), std::string(64, 'f'), 1795239042001}};
  auto back = decode_head(encode_head(head));
  ZK_ASSERT_OK(back);
  EXPECT_EQ(*back, head);

  Head twice = head;
  twice.removed.push_back({entry.id, entry.sha256, 0});
  EXPECT_EQ(error_of(decode_head(encode_head(twice))), ErrorId::kDamaged);
  Head ahead = head;
  ahead.live[0].sequence = 10;
  EXPECT_EQ(error_of(decode_head(encode_head(ahead))), ErrorId::kDamaged);
  Head order = head;
  order.live.push_back(entry);
  order.live[1].id = std::string(32, '1');
  EXPECT_EQ(error_of(decode_head(encode_head(order))), ErrorId::kDamaged);
}

TEST(JsonFields, KeepTimesAndBytesExactly) {
  for (std::int64_t ms :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{951782400000}, std::int64_t{1795239042123},
        std::int64_t{253402300799999}, std::int64_t{253402300800000}, std::int64_t{-1}, INT64_MIN, INT64_MAX})
    EXPECT_EQ(parse_time(time_value(ms)), ms);
  EXPECT_EQ(time_value(951782400000), boost::json::value("2000-02-29T00:00:00.000Z"));
  for (const std::string& text : {std::string("a\xff"), std::string("\xed\xa0\x80"), std::string("\xc0\xaf"),
                                  std::string("\xf4\x90\x80\x80"), std::string("ok"), std::string("bytes:zz"),
                                  std::string("\0x", 2), std::string("\xe6\x97")})
    EXPECT_EQ(bytes_of_text(text_of_bytes(text)), text);
}

}  // namespace
}  // namespace zkark::test
