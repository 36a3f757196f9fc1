#include "src/backup/publication.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/backup/join.h"
#include "src/backup/source.h"

namespace zkark::backup {
namespace {

using restore::Finding;

std::string verdict(const Manifest& manifest) {
  const StoredCertificate& c = manifest.certificate;
  if (manifest.windows.empty())
    return "stored and read back; nothing can be restored from it yet: no usable snapshot";
  if (!c.grade) return "stored and read back; not replayed yet (zkark verify --replay, or --prove)";
  switch (*c.grade) {
    case restore::ProofGrade::kProven:
      return fmt::format(
          "proven to {}{} against {} digest{} of the server", zxid_text(c.proven_to().value_or(0)),
          c.proven_to() < manifest.last_zxid ? fmt::format(" (of {})", zxid_text(manifest.last_zxid)) : "",
          c.digests_compared, c.digests_compared == 1 ? "" : "s");
    case restore::ProofGrade::kPartly:
      return fmt::format("proven in {} ranges up to {} against {} digests of the server", c.proven.size(),
                         zxid_text(c.proven_to().value_or(0)), c.digests_compared);
    case restore::ProofGrade::kNotProvable:
      return "replayed; the source carries no digests, so nothing proves the result";
    case restore::ProofGrade::kFailed:
      return fmt::format("NOT proven: the replayed tree differs from the server's from {} on",
                         zxid_text(c.failed_at.value_or(0)));
  }
  return {};
}

}  // namespace

Result<std::vector<Manifest>> Publication::chain_before() {
  std::vector<Manifest> chain;
  ZK_TRY(const auto closure, writer_.repository().closure(continuity_.previous->id));
  for (const std::string& id : closure) {
    ZK_TRY(Manifest member, writer_.repository().load(id));
    chain.push_back(std::move(member));
  }
  return chain;
}

Result<Proof> Publication::prove_one(Manifest& manifest, bool whole) {
  std::vector<Manifest> chain;
  if (manifest.type == BackupType::kIncr) {
    ZK_TRY(chain, chain_before());
  }
  chain.push_back(manifest);
  StoredSource stored(writer_.repository(), std::move(chain), "the stored backup");
  ZK_TRY(Proof proof,
         prove(stored, source_, listing_, whole && manifest.type == BackupType::kFull, env_.executor, job_));
  manifest.certificate = proof.certificate;
  manifest.znodes = proof.znodes;
  manifest.sessions = proof.sessions;
  if (!proof.landmarks.empty()) manifest.landmarks = proof.landmarks;
  mark_proven_steps(manifest);
  return proof;
}

/// A stale tail and what the member went on with contradict each other: each becomes a backup of its own
/// timeline.
std::vector<Manifest> Publication::split(const Manifest& manifest,
                                         const std::vector<BrokenStep>& broken) const {
  std::vector<Manifest> pieces{manifest};
  for (const BrokenStep& step : broken) {
    if (!step.fork_zxid) {
      set_gap(pieces.back(), step.last, step.snapshot.value_or(step.first),
              "the epoch step is not continuous: " + step.message);
      continue;
    }
    Manifest behind = cut_behind(pieces.back(), step.last);
    std::byte id[8];
    env_.random.fill(id);
    behind.timeline = {to_hex(id), pieces.back().timeline.id, step.fork_zxid, step.fork_checksum,
                       "stale tail"};
    pieces.push_back(std::move(behind));
  }
  return pieces;
}

/// Replays what was stored, read back from the repository, against the digests that the servers wrote.
Result<std::vector<Manifest>> Publication::prove_all(Manifest manifest) {
  job_.progress.phase = "proving";
  ZK_TRY(Proof proof, prove_one(manifest, true));
  report_.snapshots_compared = proof.snapshots_compared;
  for (Finding& finding : proof.findings) {
    const bool known = std::any_of(report_.findings.begin(), report_.findings.end(), [&](const Finding& old) {
      return old.id == finding.id && old.first_zxid == finding.first_zxid && old.severity == finding.severity;
    });
    if (!known) report_.findings.push_back(std::move(finding));
  }
  std::vector<Manifest> pieces = split(manifest, proof.broken);
  if (pieces.size() == 1) return pieces;
  for (Manifest& piece : pieces) ZK_TRY_STATUS(prove_one(piece, false));
  return pieces;
}

Status Publication::publish(std::vector<Manifest> pieces) {
  job_.progress.phase = "publishing";
  for (const Finding& finding : report_.findings) pieces.back().findings.push_back(stored_finding(finding));
  for (Manifest& piece : pieces) {
    const bool last = &piece == &pieces.back();
    // The tail that an increment stored before is all there is to say of the old timeline.
    if (!last && piece.type == BackupType::kIncr && piece.segments.empty() && piece.bases.empty()) continue;
    std::optional<std::vector<Window>> windows;
    if (piece.type == BackupType::kIncr)
      windows = windows_behind(*continuity_.previous, continuity_.stored_to, piece);
    if (!windows) {
      std::vector<Manifest> chain;
      if (piece.type == BackupType::kIncr) {
        ZK_TRY(chain, chain_before());
      }
      chain.push_back(piece);
      windows = windows_of(chain);
      ZK_TRY_STATUS(settle_times(writer_.repository(), chain, *windows));
    }
    piece.windows = *std::move(windows);
    piece.taken_ms = env_.clock.wall().ms;
    report_.verdict = verdict(piece);
    ZK_TRY(HeadEntry published, writer_.publish(piece, job_));
    ZK_TRY(report_.manifest, writer_.repository().load(published.id));
    report_.stored_to = piece.last_zxid;
    if (!last) (&piece)[1].parent = published.id;
    (last ? report_.published : report_.stale_tail) = std::move(published);
  }
  return {};
}

Status Publication::run(Manifest manifest, bool prove) {
  std::vector<Manifest> pieces;
  if (prove) {
    ZK_TRY(pieces, prove_all(std::move(manifest)));
  } else {
    pieces.push_back(std::move(manifest));
  }
  return publish(std::move(pieces));
}

}  // namespace zkark::backup
