// What a repository, a restored directory or somebody's tarball holds. Sealed files are sealed here, so that
// what lies behind the checksum is reached.
#include "formats/base/check.h"
#include "restore/lineage.h"
#include "src/backup/archive.h"
#include "src/backup/backend/local.h"
#include "src/backup/codec.h"
#include "src/backup/head.h"
#include "src/backup/json_fields.h"
#include "src/backup/lock.h"
#include "src/backup/manifest.h"
#include "src/backup/pin.h"
#include "src/backup/sealed.h"
#include "tests/fuzz/targets.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_random.h"
#include "tests/support/sim_system.h"

namespace zkark::fuzz {
namespace {

using namespace backup;

bool plain_failure(const Error& error) {
  return (error.id() == ErrorId::kDamaged || error.id() == ErrorId::kBadMagic ||
          error.id() == ErrorId::kRepositoryTooNew) &&
         !error.message().empty();
}

/// The file as it is, and as the body of a file whose seal is right; what is accepted is written and read
/// again.
template <class Decode, class Again>
void sealed_file(Bytes input, std::string_view kind, Decode decode, Again again) {
  for (const std::string& file : {std::string(as_text(input)), seal(kind, 1, as_text(input))}) {
    auto decoded = decode(file);
    if (!decoded)
      ZK_CHECK(plain_failure(decoded.error()));
    else
      again(*decoded);
  }
}

/// Everything that can be had from a stored object; the error that ends it.
std::optional<Error> read_all(ObjectReader& reader, std::string& plain) {
  std::vector<std::byte> block(10'007);
  for (;;) {
    Result<std::size_t> n = reader.read(block);
    if (!n) return std::move(n).error();
    plain.append(as_text(Bytes(block).first(*n)));
    if (*n < block.size()) return std::nullopt;
  }
}

}  // namespace

void object(Bytes input) {
  const Result<ObjectHeader> header = decode_header(input);
  if (header) {
    const auto again = encode_header(*header);
    ZK_CHECK(as_text(again) == as_text(input.first(kObjectHeaderBytes)));
    // A manifest that believes the header: only the compressed bytes can be wrong.
    ObjectRef ref{sha256_hex(input), input.size(), header->plain_bytes, to_hex(header->plain_hash)};
    auto reader = ObjectReader::open(std::string(as_text(input)), ref);
    ZK_CHECK(reader.has_value());
    std::string plain;
    const std::optional<Error> error = read_all(**reader, plain);
    ZK_CHECK(plain.size() <= ref.plain_bytes);
    if (error) ZK_CHECK(error->id() == ErrorId::kObjectDamaged);
    if (!error) {
      ZK_CHECK(plain.size() == ref.plain_bytes && plain_hash_hex(as_bytes(plain)) == ref.plain_xxh3);
      // From anywhere: the same bytes, or a word about damage (a frame that is no chunk), never other bytes.
      auto seeker = ObjectReader::open(std::string(as_text(input)), ref);
      ZK_CHECK(seeker.has_value());
      for (std::uint64_t at : {ref.plain_bytes / 2, ref.plain_bytes, std::uint64_t{0}, ref.plain_bytes / 3}) {
        if (Status there = (*seeker)->seek(at); !there) {
          ZK_CHECK(there.error().id() == ErrorId::kObjectDamaged);
          break;
        }
        std::string rest;
        if (!read_all(**seeker, rest)) ZK_CHECK(rest == std::string_view(plain).substr(at));
      }
    }
  } else {
    ZK_CHECK(!header.error().message().empty());
  }
  CodecOptions options;
  options.chunk_bytes = 100;
  Result<EncodedObject> made = encode_object(ObjectKind::kSegment, SnapCodec::kPlain, input, options);
  ZK_CHECK(made.has_value());
  auto back = ObjectReader::open(made->stored, made->ref);
  std::string plain;
  ZK_CHECK(back.has_value() && !read_all(**back, plain) && plain == as_text(input));
}

void manifest(Bytes input) {
  sealed_file(input, "manifest", decode_manifest, [](const DecodedManifest& decoded) {
    const Manifest& manifest = decoded.manifest;
    (void)manifest.records();
    (void)manifest.needs();
    ZK_CHECK(manifest.objects().size() <= 1'000'000);
    const std::string file = encode_manifest(manifest);
    Result<DecodedManifest> again = decode_manifest(file);
    ZK_CHECK(again && again->manifest == manifest && again->unknown_keys.empty());
    ZK_CHECK(encode_manifest(again->manifest) == file);
  });
}

void head(Bytes input) {
  sealed_file(input, "head", decode_head, [](const Head& head) {
    Result<Head> again = decode_head(encode_head(head));
    ZK_CHECK(again && *again == head);
  });
}

void repository_config(Bytes input) {
  sealed_file(input, "repository", decode_config, [](const RepositoryConfig& config) {
    Result<RepositoryConfig> again = decode_config(encode_config(config));
    ZK_CHECK(again && *again == config);
  });
}

void lock_file(Bytes input) {
  test::SimClock clock;
  test::SimFs fs(&clock);
  test::SimRandom random(1);
  test::SimSystem system;
  LocalBackend backend(fs, random, "/repo", "/repo");
  const LockEnvironment env{backend, clock, random, system};
  fs.put("/repo/locks/0000000000000001.lock", input);
  fs.put("/repo/locks/0000000000000002.lock", seal("lock", 1, as_text(input)));
  Result<std::vector<LockInfo>> locks = list_locks(env);
  ZK_CHECK(locks && locks->size() == 2);
  for (const LockInfo& lock : *locks) ZK_CHECK(!describe(lock, clock.wall()).empty());
  Result<std::vector<LockInfo>> dead = unlock(env, UnlockWhich::kDead);
  ZK_CHECK(dead.has_value());
  for (const LockInfo& lock : *dead) ZK_CHECK(lock.readable && lock.state == LockInfo::State::kDead);
  Result<std::vector<LockInfo>> rest = unlock(env, UnlockWhich::kAll);
  ZK_CHECK(rest && dead->size() + rest->size() == 2 && fs.files("/repo/locks").empty());
}

void pin(Bytes input) {
  static const std::string kId(32, 'a');
  for (const std::string& file : {std::string(as_text(input)), seal("pin", 1, as_text(input))}) {
    test::SimFs fs;
    fs.put(pin_path("/cache", kId), file);
    std::string problem;
    const std::optional<Pin> read = load_pin(fs, "/cache", kId, &problem);
    ZK_CHECK(read.has_value() == problem.empty());
    if (!read) continue;
    ZK_CHECK(read->repository_id == kId && save_pin(fs, "/cache", *read).has_value());
    ZK_CHECK(load_pin(fs, "/cache", kId, &problem) == read);
  }
}

void lineage(Bytes input) {
  Result<restore::Lineage> read = restore::parse_lineage(as_text(input));
  if (!read) ZK_CHECK(read.error().id() == ErrorId::kBadRecord);
  if (read) {
    Result<restore::Lineage> again = restore::parse_lineage(restore::encode_lineage(*read));
    ZK_CHECK(again && *again == *read);
  }
  // Paths may hold any bytes.
  restore::Lineage made;
  made.path = made.source = as_text(input);
  Result<restore::Lineage> again = restore::parse_lineage(restore::encode_lineage(made));
  ZK_CHECK(again && *again == made);
}

void json_fields(Bytes input) {
  const std::string_view text = as_text(input);
  ZK_CHECK(bytes_of_text(text_of_bytes(text)) == text);
  if (const auto number = parse_hex(text)) ZK_CHECK(parse_hex(hex_text(*number)) == number);
  boost::json::error_code problem;
  const boost::json::value value = boost::json::parse({text.data(), text.size()}, problem);
  const boost::json::value as_is(boost::json::string(text.data(), text.size()));
  for (const boost::json::value* one : {&value, &as_is})
    if (const auto ms = parse_time(*one)) ZK_CHECK(parse_time(time_value(*ms)) == ms);
  Result<boost::json::object> object = parse_object(text);
  ZK_CHECK(object.has_value() == (!problem && value.is_object()));
  // Our records hold no fractions; of others, a number beyond a double does not come back.
  if (object) ZK_CHECK(!pretty(*object).empty());
}

void archive(Bytes input) {
  constexpr std::uint64_t kMaxBytes = 4u << 20;
  test::SimFs fs;
  fs.put("/in", input);
  fs.put_dir("/out");
  (void)looks_like_archive(input.first(std::min(input.size(), kArchiveProbeBytes)));
  Job job;
  UnpackOptions options;
  options.max_bytes = kMaxBytes;
  options.max_entries = 1000;
  Result<Unpacked> unpacked = unpack_archives(fs, {"/in", "/in"}, "/out", options, job);
  ZK_CHECK(fs.get("/in") == as_text(input));
  std::uint64_t bytes = 0;
  for (const std::string& path : fs.files("/")) {
    ZK_CHECK(path == "/in" || path.starts_with("/out/"));
    if (path != "/in") bytes += fs.get(path)->size();
  }
  ZK_CHECK(bytes <= kMaxBytes);
  if (!unpacked) {
    ZK_CHECK(unpacked.error().file() == "/in");
    return;
  }
  for (const UnpackedFile& file : unpacked->files) {
    const std::optional<std::string> there = fs.get(file.path);
    ZK_CHECK(there && there->size() == file.size_bytes && file.archive == "/in");
  }
  ZK_CHECK(fs.files("/out").size() == unpacked->files.size());
}

}  // namespace zkark::fuzz
