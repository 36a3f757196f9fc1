#pragma once
// The lives of sessions, told from the logs: when each was made, what it wrote, which ephemerals it held, how
// it ended. The base gives what was there before the first record. Records before 3.6 do not say which nodes
// went with a session, so who owns what is followed all along.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/base/job.h"
#include "restore/log_walk.h"
#include "restore/source.h"
#include "src/forensics/path_pattern.h"

namespace zkark::forensics {

struct Moment {
  std::int64_t zxid = 0, time_ms = 0;
};

enum class SessionOrigin : std::uint8_t {
  kLogged,         // its createSession is here
  kBeforeTheLogs,  // it was there when the records begin, or made in a stretch that is lost
  kLocal,          // it writes, but never was in the table of sessions: a local session
};
enum class SessionEnd : std::uint8_t {
  kOpen,     // still there at the end of what is read
  kClosed,   // by the client: closeSession carries the cxid of its request
  kExpired,  // by the server: cxid 0
  kUnknown,  // out of sight behind missing records, or a local session, whose end nobody logs
};

struct SessionLife {
  std::int64_t id = 0;
  SessionOrigin origin = SessionOrigin::kLogged;
  SessionEnd end = SessionEnd::kOpen;
  std::optional<std::int32_t> timeout_ms;
  std::optional<Moment> created;  // with kLogged
  std::optional<Moment> ended;    // with kClosed, kExpired
  Moment first_seen, last_seen;   // of its records; what a snapshot alone tells counts as the snapshot's zxid
  std::optional<Moment> first_write, last_write;
  /// Operations that took effect; the parts of a multi count one by one.
  std::uint64_t creates = 0, sets = 0, deletes = 0, set_acls = 0, others = 0;
  std::uint64_t multis = 0;
  std::uint64_t errors = 0;          // requests that were logged and changed nothing
  std::uint64_t bytes = 0;           // its records take in the logs
  std::uint64_t ephemerals = 0;      // that it ever held
  std::uint64_t ephemerals_now = 0;  // that it holds at the end
  bool touched = false;              // wrote to or held a node that SessionOptions::paths matches
  std::uint64_t writes() const { return creates + sets + deletes + set_acls + others; }
};

enum class HeldEnd : std::uint8_t {
  kStillThere,
  kDeleted,      // by a client, `deleted_by`
  kWithSession,  // went with its session, whose life says how that ended
  kUnknown,      // out of sight behind missing records
};
/// One stay of an ephemeral node.
struct HeldNode {
  std::string path;
  std::size_t life = 0;        // index of the owner's
  std::optional<Moment> from;  // absent: unknown
  std::optional<Moment> until;
  HeldEnd end = HeldEnd::kStillThere;
  std::int64_t deleted_by = 0;
};

struct SessionOptions {
  /// Marks lives that wrote or held such a node.
  std::vector<PathPattern> paths;
  /// Keep the history of nodes held: of these sessions, or of all.
  std::set<std::int64_t> keep_nodes_of;
  bool keep_nodes = false;
  std::int64_t last_zxid = INT64_MAX;  // the end of what is read
};

/// Memory: an entry per session and per ephemeral that is there, and what SessionOptions asks to keep.
class SessionHistory {
 public:
  explicit SessionHistory(SessionOptions options) : options_(std::move(options)) {}

  /// In the order in which they were first seen. A session id that is made again has a second life.
  const std::vector<SessionLife>& lives() const { return lives_; }
  const std::vector<HeldNode>& held() const { return held_; }
  /// Session -> ephemerals it holds now, sorted.
  std::map<std::int64_t, std::vector<std::string>> holding() const;

  // ---- for walk_sessions() ----
  void see(const restore::WalkEntry& walk);
  /// Records are missing: what is there is not known any more until something shows it.
  void lose_sight(std::int64_t last_lost);
  /// What a snapshot shows; `next` is the zxid of the record that follows: what is later will be told.
  struct Shown {
    std::int64_t zxid = 0;
    std::map<std::int64_t, std::int32_t> sessions;
    struct Node {
      std::string path;
      std::int64_t owner, czxid, ctime;
    };
    std::vector<Node> ephemerals;
  };
  void see_snapshot(const Shown& shown, std::int64_t next);
  bool sees_all() const { return sees_all_; }
  /// What has been told so far is all there was.
  void see_all() { sees_all_ = true; }
  void finish();

 private:
  struct Live {
    std::size_t life = 0;
    std::optional<Moment> from;
    std::optional<std::size_t> held;  // index into held_
    bool out_of_sight = false;
  };
  struct Course {  // what a life needs while it lasts
    bool in_table = false, out_of_sight = false;
  };
  static constexpr std::size_t kServer = SIZE_MAX;  // in the place of a life: session 0
  using LiveNodes = std::map<std::string, Live, std::less<>>;

  std::size_t life_of(std::int64_t id, Moment now, std::optional<SessionOrigin> origin = std::nullopt);
  std::size_t begin_life(std::int64_t id, SessionOrigin origin, Moment now);
  void end_life(std::size_t life, const restore::WalkEntry& walk);
  void hold(std::string_view path, std::size_t life, std::optional<Moment> from);
  void let_go(LiveNodes::iterator node, std::optional<Moment> until, HeldEnd end, std::int64_t by);
  void count(SessionLife& life, TxnType type, const TxnBody& body, Moment now);
  void see_body(std::size_t life, TxnType type, const TxnBody& body, Moment now);
  bool keeps(std::int64_t id) const { return options_.keep_nodes || options_.keep_nodes_of.contains(id); }

  SessionOptions options_;
  std::vector<SessionLife> lives_;
  std::vector<HeldNode> held_;
  std::unordered_map<std::int64_t, std::size_t> current_;  // of every id its newest life
  std::unordered_map<std::size_t, Course> courses_;        // of lives that have not ended
  /// Of a life. A session that has ended may hold some too: servers have let a create slip in behind the end.
  std::unordered_map<std::size_t, std::set<std::string, std::less<>>> paths_of_;
  LiveNodes nodes_;
  bool sees_all_ = false;
  std::int64_t blind_until_ = INT64_MAX;  // a snapshot from there on shows everything
};

/// Goes over all logs once. Where they do not begin with the first transaction, and behind missing records,
/// snapshots tell what was there. Damage and gaps become findings. `on_record`, if given, is called after
/// each record. Errors are those of reading.
Result<SessionHistory> walk_sessions(
    restore::Source& source, const restore::SourceListing& listing, SessionOptions options,
    restore::Findings& findings, Job& job,
    const std::function<void(const restore::WalkEntry&, const SessionHistory&)>& on_record = {});

}  // namespace zkark::forensics
