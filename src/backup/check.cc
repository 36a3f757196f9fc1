#include "src/backup/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <set>

#include "src/backup/stored_file.h"

namespace zkark::backup {
namespace {

using restore::Finding;
using restore::Severity;

constexpr std::size_t kReadAtOnce = 64u << 10;

struct Use {
  ObjectRef ref;
  std::vector<std::string> backups;  // that name it
  bool there = false;
  bool wanted = false;  // by a backup that is checked
};

/// Spreads any two objects and any two seeds evenly: the low bits of the name are as good as random.
std::uint64_t lot_of(const std::string& name, const CheckOptions& options) {
  return load_u64(sha256(as_bytes(fmt::format("{}/{}", options.seed, name))).data());
}

Status read_whole(Backend& backend, const ObjectRef& ref) {
  ZK_TRY(auto reader, open_object(backend, ref));
  std::vector<std::byte> block(kReadAtOnce);
  for (;;) {
    Result<std::size_t> got = reader->read(block);
    if (!got) return fail(std::move(got).error().at(display_name(backend, object_key(ref.name))));
    if (*got < block.size()) return {};
  }
}

bool stops_the_walk(const Error& error) {
  return error.id() == ErrorId::kCancelled || error.id() == ErrorId::kOutOfMemory ||
         error.id() == ErrorId::kRepositoryTooNew;
}

class Walk {
 public:
  Walk(const Repository& repository, const CheckOptions& options, Job& job)
      : repository_(repository), backend_(repository.env().backend), options_(options), job_(job) {}

  Result<CheckReport> run() {
    for (const Finding& finding : repository_.notes()) report_.findings.push_back({finding, {}});
    ZK_TRY_STATUS(read_manifests());
    ZK_TRY_STATUS(look_at_files());
    ZK_TRY_STATUS(read_objects());
    for (const HeadEntry& entry : repository_.entries()) report_.backups += is_checked(entry) ? 1 : 0;
    for (const auto& [name, use] : uses_) report_.objects += use.wanted ? 1 : 0;
    return std::move(report_);
  }

 private:
  bool is_checked(const HeadEntry& entry) const {
    return options_.cluster.empty() || entry.cluster == options_.cluster;
  }

  /// Another cluster's: only what it uses is of interest.
  Status pass_over(const HeadEntry& entry) {
    const Result<std::string> file = repository_.load_manifest_file(entry);
    const Result<DecodedManifest> decoded = file ? decode_manifest(*file) : fail(file.error().clone());
    if (!decoded) {
      if (stops_the_walk(decoded.error())) return fail(decoded.error().clone());
      uses_unknown_ = true;
      return {};
    }
    for (const ObjectRef& ref : decoded->manifest.objects()) {
      Use& use = uses_[ref.name];
      if (use.backups.empty()) use.ref = ref;
      use.backups.push_back(entry.id);
    }
    return {};
  }

  /// The given backups and all that need them.
  std::vector<std::string> dependents(const std::vector<std::string>& ids) const {
    std::vector<std::string> all;
    std::set<std::string> seen;
    std::vector<std::string> work = ids;
    while (!work.empty()) {
      std::string id = std::move(work.back());
      work.pop_back();
      if (!seen.insert(id).second) continue;
      const auto [from, to] = children_.equal_range(id);
      for (auto child = from; child != to; ++child) work.push_back(child->second);
      all.push_back(std::move(id));
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  void add(Finding finding, const std::vector<std::string>& hit) {
    CheckFinding found{std::move(finding), dependents(hit)};
    if (found.finding.severity == Severity::kDamage)
      for (const std::string& id : found.backups) ++report_.damaged_backups[id];
    report_.findings.push_back(std::move(found));
  }

  void note(ErrorId id, std::string message, std::string file) {
    Finding finding;
    finding.id = id;
    finding.message = std::move(message);
    finding.file = std::move(file);
    add(std::move(finding), {});
  }

  /// No checksum covers it: whatever it is, nobody could tell if it changed.
  void strangers_file(const std::string& key) {
    if (key == kDamagedHeadKey)
      return note(ErrorId::kUnknownFile,
                  "what `zkark repair` kept of a damaged HEAD; remove it once it is not needed",
                  display_name(backend_, key));
    Finding finding;
    finding.severity = Severity::kDamage;
    finding.id = ErrorId::kUnknownFile;
    finding.message = "a file that does not belong to the repository";
    finding.file = display_name(backend_, key);
    finding.hint = "move it elsewhere: zkark neither wrote it nor reads it";
    add(std::move(finding), {});
  }

  Status read_manifests() {
    for (const HeadEntry& entry : repository_.entries())
      for (const std::string& parent : entry.needs) children_.emplace(parent, entry.id);
    for (const HeadEntry& entry : repository_.entries()) {
      ZK_TRY_STATUS(job_.check());
      if (!is_checked(entry)) {
        ZK_TRY_STATUS(pass_over(entry));
        continue;
      }
      const std::string place = display_name(backend_, manifest_key(entry.id));
      for (const std::string& parent : entry.needs)
        if (repository_.find(parent) == nullptr)
          add(restore::finding_of(
                  Error(ErrorId::kRepositoryDamaged, fmt::format("backup {} needs {}, which is not live",
                                                                 short_id(entry.id), short_id(parent)))
                      .at(place)),
              {entry.id});
      Result<std::string> file = repository_.load_manifest_file(entry);
      Result<DecodedManifest> decoded = file ? decode_manifest(*file) : fail(std::move(file).error());
      if (!decoded) {
        if (stops_the_walk(decoded.error())) return fail(std::move(decoded).error());
        add(restore::finding_of(std::move(decoded).error().at(place)), {entry.id});
        uses_unknown_ = true;
        continue;
      }
      if (!decoded->unknown_keys.empty())
        note(ErrorId::kRepositoryTooNew,
             fmt::format("the manifest has {} keys unknown to this zkark, the first is {}",
                         decoded->unknown_keys.size(), decoded->unknown_keys.front()),
             place);
      if (HeadEntry said = head_entry(decoded->manifest, entry.sha256);
          said.id != entry.id || said.needs != entry.needs || said.cluster != entry.cluster ||
          said.type != entry.type)
        add(restore::finding_of(
                Error(ErrorId::kRepositoryDamaged, "HEAD and the manifest contradict each other").at(place)),
            {entry.id});
      for (const ObjectRef& ref : decoded->manifest.objects()) {
        Use& use = uses_[ref.name];
        if (!use.backups.empty() && use.ref != ref)
          add(restore::finding_of(
                  Error(ErrorId::kRepositoryDamaged, "two manifests contradict each other on an object")
                      .at(place)),
              {entry.id, use.backups.front()});
        use.ref = ref;
        use.wanted = true;
        use.backups.push_back(entry.id);
      }
    }
    return {};
  }

  Status look_at_files() {
    std::set<std::string> expected{std::string(kConfigKey), std::string(kHeadKey)};
    for (const HeadEntry& entry : repository_.entries()) expected.insert(manifest_key(entry.id));
    for (const RemovedEntry& entry : repository_.head().removed) expected.insert(manifest_key(entry.id));
    std::uint64_t unused = 0, unused_bytes = 0;
    ZK_TRY(std::vector<BackendEntry> entries, backend_.list(""));
    for (const BackendEntry& entry : entries) {
      if (expected.contains(entry.key) || entry.key.starts_with("locks/")) continue;
      const std::string name = entry.key.substr(entry.key.rfind('/') + 1);
      if (!is_hex_name(name, 64) || object_key(name) != entry.key) {
        // Manifests that HEAD does not name are in the notes already, or came after we looked.
        if (!(entry.key.starts_with("manifests/") && name.size() == 37 &&
              is_hex_name(name.substr(0, 32), 32)))
          strangers_file(entry.key);
        continue;
      }
      const auto use = uses_.find(name);
      if (use == uses_.end()) {
        ++unused;
        unused_bytes += entry.size_bytes;
        continue;
      }
      use->second.there = true;
      if (use->second.wanted && entry.size_bytes != use->second.ref.stored_bytes) {
        add(restore::finding_of(
                Error(ErrorId::kObjectDamaged,
                      fmt::format("{} bytes long, not {}", entry.size_bytes, use->second.ref.stored_bytes))
                    .at(display_name(backend_, entry.key))),
            use->second.backups);
        bad_.insert(name);
      }
    }
    for (const auto& [name, use] : uses_) {
      if (use.there || !use.wanted) continue;
      add(restore::finding_of(Error(ErrorId::kMissingObject, "a stored object is missing")
                                  .at(display_name(backend_, object_key(name)))),
          use.backups);
      bad_.insert(name);
    }
    if (unused > 0 && !uses_unknown_)
      note(
          ErrorId::kUnknownFile,
          fmt::format(
              "{} objects ({} bytes) are in no live backup: pruned ones in their grace time, or leftovers of "
              "interrupted runs; `zkark prune` removes them",
              unused, unused_bytes),
          display_name(backend_, "objects"));
    ZK_TRY(std::vector<BackendEntry> temporary, backend_.list_temporary());
    if (!temporary.empty())
      note(ErrorId::kUnknownFile,
           fmt::format("{} temporary file{}: of a run that is working now or was interrupted; the next run "
                       "removes what nobody uses",
                       temporary.size(), temporary.size() == 1 ? "" : "s"),
           display_name(backend_, "tmp"));
    ZK_TRY(std::vector<LockInfo> locks, list_locks(repository_.env().locks()));
    for (const LockInfo& lock : locks)
      if (!lock.readable || lock.state == LockInfo::State::kDead)
        note(ErrorId::kLocked, "a lock: " + describe(lock, repository_.env().clock.wall()),
             display_name(backend_, lock.key));
    return {};
  }

  Status read_objects() {
    if (options_.read_percent == 0) return {};
    std::vector<const Use*> chosen;
    const Use* lowest = nullptr;
    std::uint64_t lowest_lot = 0;
    for (const auto& [name, use] : uses_) {
      if (!use.wanted || bad_.contains(name)) continue;
      const bool all = options_.read_percent >= 100;
      const std::uint64_t lot = all ? 0 : lot_of(name, options_);
      if (all || lot % 100 < options_.read_percent) chosen.push_back(&use);
      if (lowest == nullptr || lot < lowest_lot) {
        lowest = &use;
        lowest_lot = lot;
      }
    }
    // A part of little is still something.
    if (chosen.empty() && lowest != nullptr) chosen.push_back(lowest);
    for (const Use* use : chosen) job_.progress.total += use->ref.stored_bytes;
    job_.progress.phase = "reading";
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::map<std::string, Error> problems;
    const auto work = [&]() -> Status {
      for (std::size_t i = next++; i < chosen.size(); i = next++) {
        ZK_TRY_STATUS(job_.check());
        const ObjectRef& ref = chosen[i]->ref;
        Status read = read_whole(backend_, ref);
        job_.progress.done += ref.stored_bytes;
        if (read) continue;
        if (stops_the_walk(read.error()) && read.error().id() != ErrorId::kRepositoryTooNew) return read;
        const std::lock_guard lock(mutex);
        problems.emplace(ref.name, std::move(read).error());
      }
      return {};
    };
    Executor& executor = repository_.env().executor;
    const std::vector<std::function<Status()>> tasks(std::max(executor.width(), 1u), work);
    ZK_TRY_STATUS(executor.run_all(tasks));
    for (const auto& [name, error] : problems) add(restore::finding_of(error), uses_.at(name).backups);
    report_.objects_read = chosen.size();
    for (const Use* use : chosen) report_.bytes_read += use->ref.stored_bytes;
    return {};
  }

  const Repository& repository_;
  Backend& backend_;
  const CheckOptions options_;
  Job& job_;
  CheckReport report_;
  std::multimap<std::string, std::string> children_;
  std::map<std::string, Use> uses_;
  std::set<std::string> bad_;  // known by now: need not be read
  bool uses_unknown_ = false;  // a manifest could not be read: which objects it needs nobody knows
};

}  // namespace

bool CheckReport::ok() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const CheckFinding& found) { return found.finding.severity == Severity::kDamage; });
}

Result<CheckReport> check_repository(const RepositoryEnvironment& env, const CheckOptions& options,
                                     Job& job) {
  ZK_TRY(auto repository, Repository::open(env, OpenOptions{.salvage = true}));
  return Walk(*repository, options, job).run();
}

}  // namespace zkark::backup
