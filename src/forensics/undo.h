#pragma once
// The inverse of chosen changes, as requests that a running ensemble would take: which nodes go back to what
// they were, and in which order.
//
// A multi is all or nothing, and every operation in it is guarded by the version that the node has in the
// state the plan is made for (a create by there being nothing), so that a later change makes it fail instead
// of being lost. No server takes a setACL inside a multi: those are requests of their own, guarded by
// aversion.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/job.h"
#include "restore/certificate.h"
#include "restore/source.h"
#include "restore/state.h"
#include "src/forensics/changes.h"
#include "src/forensics/filter.h"

namespace zkark::forensics {

/// Which changes are to be undone. All conditions hold at once; of each list any one.
struct UndoChoice {
  std::vector<PathPattern> paths;
  TypeSet types;
  std::vector<std::int64_t> sessions;
  std::vector<restore::ZxidRange> zxids;
  std::int64_t first_zxid = 0, last_zxid = INT64_MAX;
  std::int64_t since_ms = INT64_MIN, until_ms = INT64_MAX;
  /// first_zxid follows a point that is known: records missing right behind it are a gap.
  bool begins_at_a_point = false;

  bool takes(const TxnHeader& header) const;
  bool takes(const TxnHeader& header, const Change& change) const;
};

struct UndoOptions {
  /// Also where others changed the same node later: what they did is lost.
  bool over_later = false;
  /// jute.maxbuffer of the servers: the largest request they take.
  std::uint64_t max_request_bytes = 1048575;
};

/// One operation of the history on one node.
struct Deed {
  std::int64_t zxid = 0, time_ms = 0, session = 0;
  std::int32_t cxid = 0;
  TxnType type = TxnType::kCreate;  // inside a multi that of the part
  std::uint32_t part = 0;           // its place in a multi, from 1; 0 outside one
  ChangeKind kind = ChangeKind::kCreated;
  bool recorded = true;  // false: told by the node's stat alone; neither session nor type are known
};

struct UndoOperation {
  enum class What : std::uint8_t { kCreate, kSetData, kDelete, kSetAcl };
  What what = What::kCreate;
  std::string path;
  /// What the node will be; of kSetData its data alone counts, of kSetAcl its list. Its owner is 0,
  /// kContainerOwner or a TTL's (data.h). Never set for kDelete.
  NodeCopy then;
  /// What it is in the state the plan is made for; of a create that follows the delete of the same node too.
  std::optional<NodeCopy> now;
  /// The version that it must have: of kSetAcl the aversion. Of no meaning for kCreate.
  std::int32_t version = 0;
  std::vector<Deed> undoes;  // newest first; never empty but for a node that has to go with its parent
  std::vector<Deed> loses;   // later changes by others that go with it (UndoOptions::over_later)
};

struct UndoRequest {
  bool multi = true;  // else one setACL
  std::vector<UndoOperation> operations;
  std::uint64_t bytes = 0;  // as sent, without the four of its length
  /// What belongs together did not fit into one request and goes on in the next.
  bool goes_on = false;
};

enum class Hindrance : std::uint8_t {
  kChangedLater,    // by others: `later`
  kChildren,        // it has to go, and `other` is below it
  kNoParent,        // `other`, which would hold it, is not there: `later` says who deleted it, where known
  kEphemeralAbove,  // `other`, which would hold it, is an ephemeral now
  kEphemeral,       // it was an ephemeral of the session `owner`
  kConfiguration,   // a dynamic configuration: reconfig alone changes it
  kServerCounts,    // a quota's statistics: the server counts
  kUnknownBefore,   // nothing tells what was there before
  kUnknownSince,    // records are missing: what happened to it since is not known
  kUnusableAcl,     // an empty list, which no server takes
  kUnguarded,       // its version is -1, which would guard nothing
  kTooLarge,        // `bytes` do not fit into a request
};
/// A node that stays as it is, although changes of it were chosen.
struct LeftAlone {
  std::string path;
  Hindrance why = Hindrance::kChangedLater;
  std::vector<Deed> chosen;  // newest first
  std::vector<Deed> later;
  std::string other;
  std::int64_t owner = 0;
  std::uint64_t bytes = 0;
};

/// A chosen record that changed no node.
struct Ineffective {
  Deed deed;
  std::int32_t result = 0;  // its result code; 0: it took effect, and no node was concerned
};

/// A node that is made anew loses the counter behind its children's sequential names.
struct CounterReset {
  std::string path, child;  // a child that comes back with a number which will be given out again
  std::uint32_t next = 0;   // the number that comes next
};

struct UndoPlan {
  std::vector<UndoRequest> requests;
  std::vector<LeftAlone> left;                 // by path
  std::vector<std::string> already;            // as they were before, whoever did it; by path
  std::vector<Ineffective> ineffective;        // by zxid
  std::vector<CounterReset> counters;          // by path
  std::uint64_t records = 0, changes = 0;      // chosen
  std::int64_t first_zxid = 0, last_zxid = 0;  // of the chosen records; 0 where there is none
};

/// Plans for `now`, the state at `now.last_zxid` or behind it up to `point`, which the records of the source
/// lead to. Damage and gaps between the first zxid that can be meant and the point become findings; what they
/// hide is left alone. kPointNotFound for a zxid named alone that no record has. Memory: twice the nodes that
/// are undone.
Result<UndoPlan> plan_undo(restore::Source& source, const restore::SourceListing& listing,
                           const restore::State& now, std::int64_t point, const UndoChoice& choice,
                           const UndoOptions& options, restore::Findings& findings, Job& job);

}  // namespace zkark::forensics
