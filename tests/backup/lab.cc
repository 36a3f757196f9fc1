#include "tests/backup/lab.h"

#include <fmt/format.h>

namespace zkark::test {

Client::Client(SimFs& fs, SimClock& clock, std::uint64_t seed, const std::string& root)
    : fs_(fs), clock_(clock), random_(seed), seed_(seed), backend_(fs, random_, root, root) {
  system.own_pid = static_cast<std::uint32_t>(1000 + seed);
}

backup::RepositoryEnvironment Client::env() {
  backup::RepositoryEnvironment env{backend_, clock_, random_, executor_, system, "0.1.0"};
  if (pins) {
    env.cache_fs = &fs_;
    env.cache_dir = fmt::format("/cache/{}", seed_);
  }
  return env;
}

std::string sample_text(std::size_t bytes, std::uint64_t seed) {
  std::string text;
  text.reserve(bytes + 64);
  while (text.size() < bytes)
    text +=
        fmt::format("/service/node-{:06} state=RUNNING token={:016x}\n", text.size() / 50, next_random(seed));
  text.resize(bytes);
  return text;
}

std::string noise(std::size_t bytes, std::uint64_t seed) {
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(next_random(seed) >> 56);
  return text;
}

Result<Taken> take(Client& client, const TakeOptions& options) {
  using namespace backup;
  ZK_TRY(auto writer, RepositoryWriter::begin(client.env(), {LockKind::kExclusive, "backup", options.wait_ms},
                                              client.job));
  ZK_TRY_STATUS(writer->require_space(options.text.size()));
  Manifest manifest;
  manifest.type = options.parent.empty() ? BackupType::kFull : BackupType::kIncr;
  manifest.parent = options.parent;
  manifest.cluster = options.cluster;
  manifest.tags = options.tags;
  manifest.taken_ms = client.env().clock.wall().ms;
  StoredSegment segment;
  segment.file_name = "log.1";
  auto encoder = writer->encoder(ObjectKind::kSegment, SnapCodec::kPlain);
  ZK_TRY_STATUS(encoder->append(as_bytes(options.text)));
  ZK_TRY(segment.data.parts, encoder->finish());
  manifest.segments.push_back(segment);
  StoredConfig config{"zoo.cfg", "/etc/zoo.cfg", {}};
  ZK_TRY(config.data, writer->store(ObjectKind::kConfig, as_bytes("tickTime=2000\n")));
  manifest.config.push_back(config);
  Taken taken;
  ZK_TRY(taken.entry, writer->publish(std::move(manifest), client.job));
  taken.text = options.text;
  ZK_TRY_STATUS(writer->end());
  return taken;
}

Result<std::string> read_segment(const backup::Repository& repository, const std::string& id) {
  ZK_TRY(backup::Manifest manifest, repository.load(id));
  if (manifest.segments.size() != 1) return fail(ErrorId::kInternal, "not a test backup");
  return repository.read_data(manifest.segments[0].data, 1u << 30);
}

std::vector<Taken> small_repository(Client& client) {
  std::vector<Taken> taken;
  const auto add = [&](const TakeOptions& options) {
    Result<Taken> one = take(client, options);
    EXPECT_TRUE(one.has_value()) << one.error().to_string();
    if (one) taken.push_back(std::move(*one));
    client.env().clock.sleep_ms(3600'000);
  };
  Result<backup::RepositoryConfig> made = backup::init_repository(client.env(), "none", client.job);
  EXPECT_TRUE(made.has_value()) << made.error().to_string();
  add({.text = sample_text(2000, 1)});
  if (!taken.empty()) add({.parent = taken[0].entry.id, .text = sample_text(300, 2)});
  if (taken.size() > 1)
    add({.parent = taken[1].entry.id, .text = sample_text(300, 3), .tags = {{"why", "test"}}});
  add({.cluster = "other", .text = sample_text(500, 4)});
  return taken;
}

}  // namespace zkark::test
