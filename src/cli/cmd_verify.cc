// `verify`: is it all there, is it what was written, and does it give the tree that the servers had?
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "restore/base_choice.h"
#include "restore/verify.h"
#include "src/backup/check.h"
#include "src/backup/source.h"
#include "src/cli/context.h"
#include "src/cli/repository_arg.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/cli/verify_report.h"

namespace zkark::cli {
namespace {

using restore::VerifyDepth;

enum class Replay : std::uint8_t { kStart, kAll };

struct Options {
  std::vector<std::string> sources;
  std::optional<std::string> log_dir;
  bool quick = false;
  std::optional<unsigned> read_percent;
  Given<Replay> replay;

  bool replays() const { return replay.given || replay.value.has_value(); }
};

Result<unsigned> parse_percent(std::string_view text) {
  if (!text.empty() && text.back() == '%') text.remove_suffix(1);
  ZK_TRY(const std::int64_t percent, parse_number(text, 1, 100));
  return static_cast<unsigned>(percent);
}

// ---- a data directory, files, a point of a repository ----

VerifyDepth depth_of(const Options& options) {
  if (options.quick) return VerifyDepth::kQuick;
  if (!options.replays()) return VerifyDepth::kRead;
  return options.replay.value == Replay::kAll ? VerifyDepth::kReplayAll : VerifyDepth::kStart;
}

using Ranges = std::vector<restore::ZxidRange>;

/// From the replay; where there was none, looked for only when something is wrong: it reads everything again.
Result<std::optional<Ranges>> restorable(restore::Source& source, const restore::VerifyReport& report,
                                         VerifyDepth depth, Job& job) {
  if (!report.windows.empty()) {
    Ranges ranges;
    for (const restore::RestorableWindow& window : report.windows)
      ranges.push_back({window.first, window.last});
    return std::optional(std::move(ranges));
  }
  if (!report.damaged() || depth == VerifyDepth::kQuick) return std::optional<Ranges>();
  ZK_TRY(const restore::SourceListing listing, source.list());
  ZK_TRY(Ranges ranges, restore::restorable_windows(source, listing, job));
  return std::optional(std::move(ranges));
}

/// Takes out of `windows` what a restore refuses: behind a digest that does not fit no base goes on but the
/// next snapshot. Gives what was taken out.
Ranges take_out_unproven(const restore::VerifyReport& report, Ranges& windows) {
  Ranges unproven;
  for (const restore::Finding& finding : report.findings) {
    if (finding.id != ErrorId::kDigestMismatch || finding.severity != restore::Severity::kDamage ||
        !finding.first_zxid)
      continue;
    const std::int64_t at = *finding.first_zxid;
    std::int64_t next = INT64_MAX;
    for (const restore::FileReport& file : report.files)
      if (!file.is_log && file.file.zxid > at)
        next = std::min(next, std::max(file.file.zxid, file.fuzzy_end.value_or(file.file.zxid)));
    Ranges left;
    for (const restore::ZxidRange& window : windows) {
      const restore::ZxidRange hit{std::max(window.first, at), std::min(window.last, next - 1)};
      if (hit.first > hit.last) {
        left.push_back(window);
        continue;
      }
      unproven.push_back(hit);
      if (window.first < hit.first) left.push_back({window.first, hit.first - 1});
      if (hit.last < window.last) left.push_back({hit.last + 1, window.last});
    }
    windows = std::move(left);
  }
  std::sort(unproven.begin(), unproven.end(),
            [](const restore::ZxidRange& a, const restore::ZxidRange& b) { return a.first < b.first; });
  return unproven;
}

Status verify_source(Context& context, const Options& options) {
  if (options.read_percent)
    return fail(Error(ErrorId::kUsage,
                      "--read-data is about the objects of a repository; a source is always read whole")
                    .with_hint("zkark verify -r REPO --read-data 5%, or zkark verify SRC --quick"));
  ZK_TRY(const OpenedSource opened,
         open_source(context, {options.sources, options.log_dir.value_or(""), {}}));
  const VerifyDepth depth = depth_of(options);
  ZK_TRY(restore::VerifyReport report, restore::verify(*opened.source, depth, context.executor, context.job));
  report.findings.insert(report.findings.begin(), opened.findings.begin(), opened.findings.end());
  SourceVerdict verdict{opened.source->description(), depth, report, {}};
  ZK_TRY(verdict.restorable, restorable(*opened.source, report, depth, context.job));
  if (verdict.restorable) verdict.unproven = take_out_unproven(report, *verdict.restorable);
  print_verdict(context.output, verdict);
  show_findings(context.output, report.findings, Stance::kJudging);
  return {};
}

// ---- a repository ----

/// Timelines by their newest backups.
std::vector<backup::HeadEntry> newest_of_timelines(const backup::Repository& repository,
                                                   const std::string& cluster) {
  std::vector<backup::HeadEntry> newest;
  for (const std::string& name : repository.clusters()) {
    if (!cluster.empty() && name != cluster) continue;
    for (const backup::HeadEntry& entry : repository.ordered(name)) {
      const auto known = std::find_if(newest.begin(), newest.end(), [&](const backup::HeadEntry& other) {
        return other.cluster == name && other.timeline == entry.timeline;
      });
      if (known == newest.end())
        newest.push_back(entry);
      else
        *known = entry;
    }
  }
  return newest;
}

/// What a verdict on a whole timeline says about a backup that ends at `last_zxid`.
backup::StoredCertificate cut_to(const restore::Certificate& whole, std::int64_t last_zxid) {
  restore::Certificate part = whole;
  part.proven.clear();
  for (restore::ZxidRange range : whole.proven) {
    range.last = std::min(range.last, last_zxid);
    if (range.first <= range.last) part.proven.push_back(range);
  }
  if (part.failed_at && *part.failed_at > last_zxid) {
    part.failed_at.reset();
    part.grade = part.proven.size() == 1 ? restore::ProofGrade::kProven : restore::ProofGrade::kPartly;
  }
  if (part.grade == restore::ProofGrade::kPartly && part.proven.size() == 1 &&
      part.proven[0].last == last_zxid)
    part.grade = restore::ProofGrade::kProven;
  return backup::stored_certificate(part);
}

/// A better verdict than what is stored: something instead of nothing, a failure, or a proof that reaches
/// further.
bool is_news(const backup::StoredCertificate& now, const backup::StoredCertificate& stored) {
  if (!now.grade) return false;
  if (!stored.grade || *now.grade == restore::ProofGrade::kFailed) return now != stored;
  return now.proven_to() > stored.proven_to();
}

bool has_failed(const backup::StoredCertificate& certificate) {
  return certificate.grade == restore::ProofGrade::kFailed;
}

/// Verdicts on one chain alone. A timeline may hold two copies of one stretch, and a bad one must not speak
/// for the good one, nor the other way round.
class ChainVerdicts {
 public:
  ChainVerdicts(Context& context, const backup::Repository& repository, VerifyDepth depth)
      : context_(context), repository_(repository), depth_(depth) {}

  /// Nothing when it could not be replayed.
  Result<std::optional<restore::Certificate>> of(const backup::HeadEntry& entry) {
    ZK_TRY(const std::vector<std::string> chain, repository_.closure(entry.id));
    const auto known = by_root_.find(chain.front());
    if (known != by_root_.end()) return known->second;
    backup::HeadEntry longest = entry;
    for (const backup::HeadEntry& other : repository_.ordered(entry.cluster)) {
      const Result<std::vector<std::string>> its = repository_.closure(other.id);
      if (its && its->front() == chain.front()) longest = other;
    }
    std::optional<restore::Certificate>& verdict = by_root_[chain.front()];
    const auto source =
        backup::open_backup(repository_, longest.id, std::string(backup::short_id(longest.id)));
    if (!source) return verdict;
    ZK_TRY(restore::VerifyReport report, restore::verify(**source, depth_, context_.executor, context_.job));
    verdict = std::move(report.certificate);
    return verdict;
  }

 private:
  Context& context_;
  const backup::Repository& repository_;
  VerifyDepth depth_;
  std::map<std::string, std::optional<restore::Certificate>> by_root_;
};

/// Keeps the verdicts with the backups. That it cannot (a read-only copy, a running backup) is no reason to
/// fail.
Status record(Context& context, const OpenedRepository& opened, VerifyDepth depth,
              const std::vector<ReplayedTimeline>& replayed) {
  ChainVerdicts chains(context, *opened, depth);
  std::vector<std::pair<std::string, backup::StoredCertificate>> news;
  for (const ReplayedTimeline& one : replayed) {
    if (!one.report.certificate || !one.report.last_zxid) continue;
    for (const backup::HeadEntry& entry : opened->ordered(one.cluster)) {
      if (entry.timeline != one.timeline || entry.last_zxid > *one.report.last_zxid) continue;
      const Result<backup::Manifest> manifest = opened->load(entry.id);
      if (!manifest) continue;
      backup::StoredCertificate now = cut_to(*one.report.certificate, entry.last_zxid);
      // Backups before the base of this replay were not looked at.
      if (now.proven.empty() && entry.id != one.newest) continue;
      if (manifest->certificate.grade && has_failed(now) != has_failed(manifest->certificate)) {
        ZK_TRY(const auto own, chains.of(entry));
        if (!own) continue;
        now = cut_to(*own, entry.last_zxid);
      }
      if (is_news(now, manifest->certificate)) news.emplace_back(entry.id, std::move(now));
    }
  }
  if (news.empty() || context.globals.no_lock) return {};
  const auto store = [&]() -> Status {
    ZK_TRY(const auto writer, begin_writing(context, opened.place, "verify"));
    for (auto& [id, certificate] : news)
      if (writer->repository().find(id) != nullptr)
        ZK_TRY_STATUS(writer->set_certificate(id, std::move(certificate)));
    return writer->end();
  };
  if (Status stored = store(); !stored)
    context.output.warn(
        fmt::format("the verdict of the replay was not stored: {}", stored.error().to_string()));
  return {};
}

Status replay_timelines(Context& context, const OpenedRepository& opened, const Options& options,
                        std::vector<ReplayedTimeline>& replayed) {
  ZK_TRY(const std::string cluster, chosen_cluster(context, *opened));
  const VerifyDepth depth = options.replay.value == Replay::kAll ? VerifyDepth::kProve : VerifyDepth::kStart;
  for (const backup::HeadEntry& newest : newest_of_timelines(*opened, cluster)) {
    const std::string name = fmt::format("{}@{}", opened.place.url, backup::short_id(newest.id));
    ReplayedTimeline one{newest.cluster, newest.timeline, newest.id, {}};
    Result<std::unique_ptr<backup::StoredSource>> source =
        backup::open_timeline(*opened, newest.cluster, newest.timeline, name);
    if (source) {
      ZK_TRY(one.report, restore::verify(**source, depth, context.executor, context.job));
    } else {
      // A manifest that cannot be read: the check has said so already; what is left is replayed by verify
      // SRC.
      one.report.findings.push_back(restore::finding_of(source.error()));
    }
    replayed.push_back(std::move(one));
  }
  return record(context, opened, depth, replayed);
}

/// What the manifests say is wrong, unless the replay has just said it.
Result<std::vector<backup::Flaw>> flaws_of(Context& context, const RepositoryVerdict& verdict) {
  ZK_TRY(const backup::Catalogue catalogue,
         backup::read_catalogue(*verdict.repository, verdict.cluster, context.job));
  std::vector<backup::Flaw> flaws = backup::known_flaws(catalogue);
  std::erase_if(flaws, [&](const backup::Flaw& flaw) {
    return std::any_of(verdict.replayed.begin(), verdict.replayed.end(), [&](const ReplayedTimeline& one) {
      const auto& findings = one.report.findings;
      return std::any_of(findings.begin(), findings.end(), [&](const restore::Finding& finding) {
        return finding.id == flaw.finding.id && finding.severity == flaw.finding.severity &&
               finding.first_zxid == flaw.finding.first_zxid &&
               flaw.finding.severity == restore::Severity::kGap;
      });
    });
  });
  return flaws;
}

Status verify_repository(Context& context, const Options& options) {
  if (options.log_dir) return fail(ErrorId::kUsage, "--log-dir means nothing without SRC");
  ZK_TRY(RepositoryPlace place, repository_place(context));
  backup::CheckOptions check;
  check.read_percent = options.quick ? 0 : options.read_percent.value_or(100);
  // Another part of the objects every time.
  if (options.read_percent) context.random.fill(std::as_writable_bytes(std::span(&check.seed, 1)));
  // The check tells everything that is odd about it.
  ZK_TRY(auto repository, backup::Repository::open(place.env, {.salvage = true}));
  ZK_TRY(check.cluster, chosen_cluster(context, *repository));
  ZK_TRY(const backup::CheckReport report, backup::check_repository(place.env, check, context.job));

  RepositoryVerdict verdict{place.url, nullptr, check.read_percent, check.seed, report, {}};
  verdict.cluster = check.cluster;
  OpenedRepository opened{std::move(place), std::move(repository)};
  if (options.replays()) {
    ZK_TRY_STATUS(replay_timelines(context, opened, options, verdict.replayed));
    ZK_TRY(opened.repository,
           backup::Repository::open(opened.place.env, {.salvage = true}));  // with the new verdicts
  }
  verdict.repository = opened.repository.get();
  ZK_TRY(verdict.flaws, flaws_of(context, verdict));
  print_verdict(context.output, verdict);
  for (const backup::CheckFinding& found : report.findings) {
    restore::Finding finding = found.finding;
    if (!found.backups.empty()) {
      std::string ids;
      for (const std::string& id : found.backups)
        ids += fmt::format("{}{}", ids.empty() ? "" : ", ", backup::short_id(id));
      finding.message += "; needed by " + ids;
    }
    show_finding(context.output, finding, Stance::kJudging);
  }
  for (const backup::Flaw& flaw : verdict.flaws) show_finding(context.output, flaw.finding, Stance::kJudging);
  for (const ReplayedTimeline& one : verdict.replayed)
    show_findings(context.output, one.report.findings, Stance::kJudging);
  return {};
}

Status run(Context& context, const Options& options) {
  if (!options.sources.empty()) return verify_source(context, options);
  if (context.has_repository()) return verify_repository(context, options);
  return fail(Error(ErrorId::kUsage, "nothing to verify was named")
                  .with_hint("zkark verify DIR, or zkark verify -r REPO"));
}

}  // namespace

Verb verify_verb() {
  VerbBuilder<Options> verb({
      .name = "verify",
      .group = Group::kRepository,
      .summary = "check a repository, a data directory or files",
      .description = "Without SRC: the repository. HEAD, every manifest, and every object against its hash; "
                     "and what was wrong with the data when they were stored: holes, damage, a failed proof. "
                     "-C checks one cluster. With SRC: every "
                     "snapshot and log, byte by byte: framing, checksums, seals, order and gaps.\n\n"
                     "--replay also applies the transactions, as a server would when it starts (newest valid "
                     "snapshot and the logs "
                     "after it), and compares with the digests that the servers wrote (3.6 and later); "
                     "--replay=all begins at the "
                     "oldest snapshot and compares every snapshot on the way. What a replay of a repository "
                     "proves is kept with "
                     "the backups.\n\n"
                     "Exit status 6 when anything is damaged or missing. A torn last record is normal after "
                     "a crash: a note.",
      .examples = {{"zkark verify /var/lib/zookeeper", "everything that is there, byte by byte"},
                   {"zkark verify -r /srv/zk-backup --read-data 5%",
                    "a twentieth of the objects, others each time"},
                   {"zkark verify -r /srv/zk-backup --replay=all", "prove every backup"}},
      .exit_codes = {5, 6, 9, 10, 11},
      .uses = kUsesRepository | kUsesCache | kUsesLock | kUsesNoLock | kUsesJobs | kUsesProgress,
  });
  verb.argument("SRC", &Options::sources,
                "data directory, zoo.cfg, tarballs or files; the repository if left out")
      .completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "where the logs are, if not with the snapshots (dataLogDir)")
      .completes(Completes::kDirectory);
  verb.flag("quick", &Options::quick, "names, sizes and headers only").excludes({"read-data", "replay"});
  verb.parsed("read-data", "PERCENT", &Options::read_percent, parse_percent,
              "read this part of a repository's objects, chosen anew each time")
      .default_is("100%");
  verb.choice("replay", "HOW", &Options::replay,
              {{"start", Replay::kStart, "as a server starts"},
               {"all", Replay::kAll, "from the oldest snapshot"}},
              "apply the transactions and compare with the servers' digests")
      .default_is("start");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
