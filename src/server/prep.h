#pragma once
// From a client's write to the txn that stands for it, or the error txn that answers it (reference/
// client-protocol-and-server section 2; Apache: PrepRequestProcessor). Requests are judged against the state
// as it will be once everything proposed before them is applied: what is proposed and not applied yet is kept
// here, by path. Nothing here does I/O or knows connections; a leader of an ensemble uses it as it is.
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/proto.h"
#include "formats/txn.h"
#include "restore/state.h"
#include "src/server/auth.h"
#include "src/server/settings.h"

namespace zkark::server {

struct WriteRequest {
  std::int64_t session = 0;
  std::int32_t cxid = 0;
  OpCode op = OpCode::kError;
  Bytes body;  // behind the request header
  const std::vector<Identity>* who = nullptr;
  std::int64_t time_ms = 0;  // wall clock, into the txn
};

/// What was decided. The txn has taken the zxid, also where it is an error.
struct Prepared {
  std::int64_t zxid = 0;
  ZkCode err = ZkCode::kOk;  // of the reply; a multi that failed says Ok here and has its codes in the txn
  /// kMulti: the operations as the client named them, by which its reply is laid out.
  std::vector<OpCode> multi_ops;
};

class Prep {
 public:
  /// All borrowed. `state` changes only by the txns made here, in their order, each followed by applied().
  Prep(const restore::State& state, const Settings& settings, const AuthRules& rules);

  /// Decides on one of create*, delete, setData, setACL, multi, reconfig, and appends the txn's payload
  /// (header, body, digest) to `payload`.
  Prepared prepare(const WriteRequest& request, std::string& payload);
  Prepared create_session(std::int64_t session, std::int32_t timeout_ms, std::int64_t time_ms,
                          std::string& payload);
  Prepared close_session(std::int64_t session, std::int32_t cxid, std::int64_t time_ms, std::string& payload);
  /// The sweep of containers and TTL nodes: an error txn when the node as it will be then is not due
  /// (sweep.h).
  Prepared delete_container(std::string_view path, std::int64_t time_ms, std::string& payload);

  /// The state holds everything up to `zxid` now: what was kept for it is forgotten.
  void applied(std::int64_t zxid);

  std::int64_t last_zxid() const { return last_zxid_; }
  std::size_t outstanding_changes() const { return changes_.size(); }

 private:
  /// A node as it will be. `exists` false: it will be gone.
  struct Record {
    std::int64_t zxid = 0;  // of the txn that changed it last; 0: as it is in the state
    bool exists = true;
    StatPersisted stat;
    std::uint32_t children = 0;
    std::uint64_t digest = 0;                // its share
    restore::NodeId id = restore::kNoNode;   // in the state, while `acl` or `data` is to be found there
    std::shared_ptr<const std::string> acl;  // encoded; null: as in the state
    std::shared_ptr<const char[]> data;      // null: as in the state, unless null_data
    std::uint32_t data_bytes = 0;
    bool null_data = false;

    void set_data(std::optional<Bytes> bytes);
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Changes = std::unordered_map<std::string, Record, Hash, std::equal_to<>>;
  /// A place in changes_, which stays where it is until it is erased.
  using Change = Changes::value_type;
  struct Undo {
    Change* at = nullptr;
    bool had = false;
    Record before;
  };
  struct NewEphemeral {
    std::int64_t zxid = 0, session = 0;
    std::string path;
  };
  struct MadeTxn {
    TxnType type = TxnType::kError;
    TxnBody body;
  };

  bool look_up(std::string_view path, Record& record) const;
  AclList acl_of(const Record& record) const;
  std::optional<Bytes> data_of(const Record& record) const;
  void put(std::string_view path, Record record);
  void put_changed(std::string_view path, Record record);
  void roll_back();

  ZkCode write(OpCode op, const WriteRequest& request, JuteReader& in, MadeTxn& made);
  ZkCode create(OpCode op, const CreateRequest& create, const WriteRequest& request, MadeTxn& made);
  ZkCode remove(std::string_view path, std::int32_t version, const WriteRequest& request, MadeTxn& made);
  ZkCode set_data(const SetDataRequest& set, const WriteRequest& request, MadeTxn& made);
  ZkCode set_acl(const SetAclRequest& set, const WriteRequest& request, MadeTxn& made);
  ZkCode check(const PathVersionRequest& check, const WriteRequest& request, MadeTxn& made);
  ZkCode multi(const WriteRequest& request, MadeTxn& made, std::vector<OpCode>& ops);
  ZkCode check_quota(std::string_view path, std::int64_t bytes, std::int64_t count) const;
  void remove_record(std::string_view path, const Record& node);
  std::size_t most_bytes() const;
  bool allowed(const Record& record, std::int32_t perms, const WriteRequest& request) const;
  Prepared finish(const WriteRequest& request, ZkCode err, const MadeTxn& made, std::string& payload);

  const restore::State& state_;
  const Settings& settings_;
  const AuthRules& rules_;
  std::int64_t last_zxid_;
  std::uint64_t digest_;
  Changes changes_;
  // Which txn changed what, oldest first. The entry whose zxid the record has is the last one of a place.
  std::deque<std::pair<std::int64_t, Change*>> order_;
  /// Not applied yet, oldest first. Of those some failed with their multi, or are deleted again.
  std::deque<NewEphemeral> new_ephemerals_;
  std::vector<Undo> undo_;  // of the txn that is being made
  std::uint64_t digest_before_ = 0;
  // What the body of the txn being made borrows from.
  std::string path_, acl_, list_;
};

}  // namespace zkark::server
