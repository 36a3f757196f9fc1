#include "restore/verify_spans.h"

#include <algorithm>

#include "restore/fingerprint.h"

namespace zkark::restore {
namespace {

/// Where one stretch may hand over to the next.
struct Join {
  const SourceFile* snapshot = nullptr;
  std::int64_t exact = 0;                    // where it is exact, as far as can be told beforehand
  std::optional<std::uint64_t> digest;       // of its own zxid, as its section seems to say
  std::optional<SnapshotFingerprint> whole;  // of its bytes, where they were read for themselves
  bool cut = false;                          // a stretch begins with it; else one passes it
  bool passable() const { return exact == snapshot->zxid; }
};

struct Span {
  const SourceFile* base = nullptr;
  std::size_t first = 0, end = 0;  // the joins it passes; the one at `end`, if any, ends it
  std::uint64_t cost = 0;
  std::optional<ReplayResult> result;
  Findings findings;
};

// What a byte costs, roughly: replaying a log to loading a snapshot to summing up one.
constexpr std::uint64_t kReplayCost = 4, kLoadCost = 2, kSumCost = 1;

class SpanReplay {
 public:
  SpanReplay(Source& source, const SourceListing& listing, Executor& executor, Job& job)
      : source_(source), listing_(listing), executor_(executor), job_(job) {}

  Result<std::optional<UnbrokenReplay>> run(const SourceFile* first_base, std::size_t first_next) {
    first_base_ = first_base;
    for (std::size_t i = first_next; i < listing_.snapshots.size(); ++i) {
      Result<std::optional<Join>> join = look_at(listing_.snapshots[i]);
      if (!join && is_fatal(join.error())) return fail(std::move(join).error());
      if (!join || !*join) return std::optional<UnbrokenReplay>();
      joins_.push_back(**std::move(join));
    }
    choose_cuts();
    ZK_TRY(auto whole, replay_all());
    if (!whole || !explained_apart()) return whole;
    // Said once, of all that it concerns, and not once for each stretch, of which others may make more or
    // fewer.
    cut_by(UINT64_MAX);
    return replay_all();
  }

 private:
  Result<std::optional<UnbrokenReplay>> replay_all() {
    spans_ = spans_between_cuts();
    // The longest first: who is done with the others sums up what was passed.
    std::vector<Span*> order;
    for (Span& span : spans_) order.push_back(&span);
    std::stable_sort(order.begin(), order.end(), [](Span* a, Span* b) { return a->cost > b->cost; });
    std::vector<std::function<Status()>> tasks;
    for (Span* span : order) tasks.emplace_back([this, span] { return replay_one(*span); });
    for (Join& join : joins_)
      if (!join.cut && !join.whole) tasks.emplace_back([this, &join] { return sum_up(join); });
    Status done = executor_.run_all(tasks);
    if (!done) {
      if (is_fatal(done.error())) return fail(std::move(done).error());
      return std::optional<UnbrokenReplay>();
    }
    return joined();
  }

  /// Where a snapshot is exact, told without reading all of it; who reads it later finds out whether that is
  /// so.
  Result<std::optional<Join>> look_at(const SourceFile& snapshot) {
    Join join;
    join.snapshot = &snapshot;
    SnapshotTail tail;
    if (snapshot.codec == SnapCodec::kPlain) {
      ZK_TRY(const auto file, source_.open(snapshot));
      ZK_TRY(tail, peek_tail(*file));
    } else if (!snapshot.known_fuzzy_end) {
      ZK_TRY(join.whole, fingerprint_snapshot(source_, snapshot, job_));
      tail = join.whole->tail;
    }
    const bool own = tail.digest && tail.digest->zxid == snapshot.zxid && snapshot.zxid != 0;
    if (own && tail.digest->version == kDigestVersion)
      join.digest = static_cast<std::uint64_t>(tail.digest->digest);
    std::optional<std::int64_t> end = snapshot.known_fuzzy_end;
    // A section of the snapshot's own zxid nearly always is that of its tree: nothing was applied meanwhile.
    if (!end && own && !join.whole) end = tail.last_processed_zxid.value_or(0);
    if (!end) end = fuzzy_end(snapshot.zxid, tail, join.whole ? join.whole->digest : 0);
    if (!end) return std::optional<Join>();
    join.exact = std::max(*end, snapshot.zxid);
    return std::optional(std::move(join));
  }

  /// Of the logs from the join before `next`, or from the start, to it, or to the end.
  std::uint64_t replay_cost(std::size_t next) const {
    const std::int64_t from = next == 0 ? INT64_MIN : joins_[next - 1].snapshot->zxid;
    const std::int64_t to = next == joins_.size() ? INT64_MAX : joins_[next].snapshot->zxid;
    std::uint64_t bytes = 0;
    for (const SourceFile& log : listing_.logs)
      if (log.zxid > from && log.zxid <= to) bytes += log.size_bytes;
    return bytes * kReplayCost;
  }

  /// The stretches between the cuts, with what they cost.
  std::vector<Span> spans_between_cuts() const {
    std::vector<Span> spans(1);
    spans.back().base = first_base_;
    if (first_base_ != nullptr) spans.back().cost = first_base_->size_bytes * kLoadCost;
    for (std::size_t i = 0; i <= joins_.size(); ++i) {
      spans.back().cost += replay_costs_[i];
      spans.back().end = i;
      if (i == joins_.size() || !joins_[i].cut) continue;
      Span next;
      next.base = joins_[i].snapshot;
      next.first = i + 1;
      next.cost = next.base->size_bytes * kLoadCost;
      spans.push_back(std::move(next));
    }
    return spans;
  }

  /// Begins a stretch where the one before would cost more than `capacity`, and where it has to begin.
  void cut_by(std::uint64_t capacity) {
    std::uint64_t cost =
        (first_base_ == nullptr ? 0 : first_base_->size_bytes * kLoadCost) + replay_costs_[0];
    for (std::size_t i = 0; i < joins_.size(); ++i) {
      joins_[i].cut = !joins_[i].passable() || cost + replay_costs_[i + 1] > capacity;
      if (joins_[i].cut) cost = joins_[i].snapshot->size_bytes * kLoadCost;
      cost += replay_costs_[i + 1];
    }
  }

  /// When all would be done: no earlier than the longest stretch, nor than all the work divided by the
  /// workers.
  std::uint64_t time_needed() const {
    std::uint64_t longest = 0, all = 0;
    for (const Span& span : spans_between_cuts()) {
      longest = std::max(longest, span.cost);
      all += span.cost;
    }
    for (const Join& join : joins_)
      if (!join.cut) all += join.snapshot->size_bytes * kSumCost;
    return std::max(longest, all / std::max(1u, executor_.width()));
  }

  /// To begin a stretch means to build a tree: that costs more than to sum up a snapshot that is passed, so
  /// as few begin as keep everybody at work.
  void choose_cuts() {
    for (std::size_t i = 0; i <= joins_.size(); ++i) replay_costs_.push_back(replay_cost(i));
    cut_by(UINT64_MAX);
    std::uint64_t whole = 0;
    for (const std::uint64_t cost : replay_costs_) whole += cost;
    std::uint64_t best = time_needed(), best_capacity = UINT64_MAX;
    for (std::uint64_t parts = 2; parts <= executor_.width() && parts <= joins_.size() + 1; ++parts) {
      cut_by(whole / parts);
      const std::uint64_t time = time_needed();
      if (time >= best) continue;
      best = time;
      best_capacity = whole / parts;
    }
    cut_by(best_capacity);
  }

  Status replay_one(Span& span) {
    ReplayOptions options;
    if (span.first != 0) options.checkpoints.push_back({joins_[span.first - 1].exact});
    for (std::size_t i = span.first; i < span.end; ++i)
      options.checkpoints.push_back({joins_[i].exact, joins_[i].digest});
    const bool is_last = span.end == joins_.size();
    if (!is_last) {
      options.stop_at = joins_[span.end].exact;
      options.checkpoints.push_back({*options.stop_at});
    }
    ZK_TRY(span.result, replay(source_, listing_, span.base, options, span.findings, job_));
    // Of the others nothing is wanted but what was computed for it.
    if (!is_last) span.result->state = State(span.result->state.tree.ascii_digest());
    return {};
  }

  Status sum_up(Join& join) {
    ZK_TRY(join.whole, fingerprint_snapshot(source_, *join.snapshot, job_));
    return {};
  }

  /// Whether the snapshot that the stretch passed is its tree there.
  static bool agrees(const Span& span, const Join& join) {
    const auto met = span.result->fingerprints.find(join.exact);
    if (met == span.result->fingerprints.end() || !join.whole || !(met->second == join.whole->fingerprint))
      return false;
    const bool ascii = span.result->state.tree.ascii_digest();
    const auto end = fuzzy_end(join.snapshot->zxid, join.whole->tail,
                               ascii ? join.whole->ascii_digest : join.whole->digest);
    // Exact later than it was taken for: then equal trees prove nothing.
    return end.value_or(join.snapshot->known_fuzzy_end.value_or(INT64_MAX)) <= join.exact;
  }

  /// Whether the next stretch began with the tree that this one ended in.
  static bool hands_over(const Span& span, const Span& next, const Join& join) {
    const auto& ours = span.result->fingerprints;
    const auto& theirs = next.result->fingerprints;
    const auto a = ours.find(join.exact), b = theirs.find(join.exact);
    return a != ours.end() && b != theirs.end() && a->second == b->second &&
           next.result->fuzzy_end <= join.exact;
  }

  /// Whether stretches that need not be apart had to explain differences from the servers' digests.
  bool explained_apart() const {
    return explained_ && std::any_of(joins_.begin(), joins_.end(),
                                     [](const Join& join) { return join.cut && join.passable(); });
  }

  std::optional<UnbrokenReplay> joined() {
    UnbrokenReplay whole;
    for (const Span& span : spans_) {
      if (!span.result || span.result->stopped_by || span.result->certificate.failed_at) return std::nullopt;
      if (has_severity(span.findings, Severity::kGap)) return std::nullopt;
    }
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      const Span& span = spans_[i];
      for (std::size_t j = span.first; j < span.end; ++j)
        if (!agrees(span, joins_[j])) return std::nullopt;
      if (span.end != joins_.size() && !hands_over(span, spans_[i + 1], joins_[span.end]))
        return std::nullopt;
      whole.certificate.add(span.result->certificate);
    }
    for (Span& span : spans_) {
      for (Finding& finding : span.findings) {
        explained_ = explained_ || finding.id == ErrorId::kDigestMismatch;
        whole.findings.push_back(std::move(finding));
      }
      whole.txns += span.result->txns;
      if (span.base != nullptr) whole.fuzzy_ends.emplace_back(span.base, span.result->fuzzy_end);
    }
    for (const Join& join : joins_)
      if (!join.cut) whole.fuzzy_ends.emplace_back(join.snapshot, join.exact);
    whole.snapshots_compared = joins_.size();
    join_ranges(whole.certificate);
    whole.newest_agreed = joins_.empty() ? first_base_ : joins_.back().snapshot;
    whole.exact_from = spans_.front().result->fuzzy_end;
    whole.last = *std::move(spans_.back().result);
    return whole;
  }

  /// The proven ranges meet where one stretch hands over to the next.
  void join_ranges(Certificate& whole) const {
    std::vector<ZxidRange> joined;
    for (const ZxidRange& range : whole.proven) {
      const bool meets = !joined.empty() && std::any_of(spans_.begin(), spans_.end(), [&](const Span& span) {
        return span.base != nullptr && span.base->zxid >= joined.back().first &&
               span.base->zxid <= range.first && span.result->fuzzy_end >= range.first;
      });
      if (meets)
        joined.back().last = range.last;
      else
        joined.push_back(range);
    }
    whole.proven = std::move(joined);
    if (whole.grade == ProofGrade::kPartly && whole.proven.size() == 1) whole.grade = ProofGrade::kProven;
  }

  Source& source_;
  const SourceListing& listing_;
  Executor& executor_;
  Job& job_;
  const SourceFile* first_base_ = nullptr;
  std::vector<Join> joins_;
  std::vector<std::uint64_t> replay_costs_;  // before each join, and behind the last
  std::vector<Span> spans_;
  bool explained_ = false;  // a stretch explained a difference
};

}  // namespace

bool is_fatal(const Error& error) {
  switch (error.id()) {
    case ErrorId::kCancelled:
    case ErrorId::kOutOfMemory:
    case ErrorId::kStorage:
    case ErrorId::kPermission:
      return true;
    default:
      return false;
  }
}

Result<std::optional<UnbrokenReplay>> replay_unbroken(Source& source, const SourceListing& listing,
                                                      const SourceFile* first_base, std::size_t first_next,
                                                      Executor& executor, Job& job) {
  return SpanReplay(source, listing, executor, job).run(first_base, first_next);
}

}  // namespace zkark::restore
