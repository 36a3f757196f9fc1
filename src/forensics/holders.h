#pragma once
// Queues of locks and elections: the children of one node that are ephemeral or end in a sequence number. The
// first one holds it. Recipes differ in what stands before the number (Curator: _c_<guid>-lock-, kazoo:
// <hex>__lock__, plain: n_); the number alone decides.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/job.h"
#include "restore/source.h"
#include "restore/state.h"
#include "src/forensics/sessions.h"

namespace zkark::forensics {

/// The number at the end of a sequential node's name, as the server prints it: %010d of a 32-bit counter,
/// which wraps to negative numbers (-000000001, -2147483648). "lock--2147483648" and "lock-2147483647" both
/// have ten digits behind a dash; `next`, the parent's counter (cversion), tells which is meant: the number
/// was given out before it, lately.
std::optional<std::int32_t> sequence_of(std::string_view name, std::int32_t next);

/// One in the queue.
struct Waiter {
  std::string path;
  std::int64_t session = 0;  // 0: a persistent node
  std::optional<std::int32_t> sequence;
  Moment since;        // when it was created
  bool holds = false;  // the first one; of readers of a shared lock all before the first writer
};
struct Queue {
  std::vector<Waiter> waiters;
  /// Numbers are the order; otherwise the children are members without one, by age, and nobody holds it.
  bool ordered = false;
  bool wrapped = false;  // holds numbers before and behind the wrap: clients that compare texts err
};
/// The queue at `node`; an ephemeral node (a controller, a leader) is held by its owner. Children made later
/// than `last_zxid` are left out: a fuzzy snapshot may show them.
Queue queue_at(const restore::Tree& tree, restore::NodeId node, std::int64_t last_zxid = INT64_MAX);

enum class TenureEnd : std::uint8_t {
  kHoldsStill,
  kReleased,  // it deleted the node itself
  kDeleted,   // somebody else did
  kClosed,    // the client closed its session
  kExpired,   // the server ended the session
  kUnknown,   // records are missing
};
/// Somebody held it from then to then.
struct Tenure {
  std::string path;
  std::int64_t session = 0;
  std::optional<std::int32_t> sequence;
  Moment queued;               // when its node was created
  std::optional<Moment> from;  // absent: before the records begin
  std::optional<Moment> until;
  TenureEnd end = TenureEnd::kHoldsStill;
  std::int64_t ended_by = 0;
};

struct TenureOptions {
  std::string path;
  std::int64_t first_zxid = 0, last_zxid = INT64_MAX;
};
struct Tenures {
  std::vector<Tenure> tenures;
  bool path_seen = false;  // the node was there at some time
};
/// Who held it, oldest first; of a shared lock the first of the readers. Looks at all children after each
/// change of one.
Result<Tenures> walk_tenures(restore::Source& source, const restore::SourceListing& listing,
                             const TenureOptions& options, restore::Findings& findings, Job& job);

}  // namespace zkark::forensics
