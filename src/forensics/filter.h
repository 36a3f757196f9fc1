#pragma once
// Which transactions are asked for: shared by every verb that goes through the logs.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/job.h"
#include "formats/base/result.h"
#include "formats/txn.h"
#include "restore/source.h"
#include "src/forensics/path_pattern.h"
#include "src/forensics/value_pattern.h"

namespace zkark::forensics {

/// Types of transactions as a set.
class TypeSet {
 public:
  bool empty() const { return bits_ == 0; }
  bool has(TxnType type) const { return (bits_ & bit(type)) != 0; }
  void add(TxnType type) { bits_ |= bit(type); }
  void add(const TypeSet& other) { bits_ |= other.bits_; }
  /// "create" (every kind of it), "set", "delete" (and the ends of sessions that take nodes along), "setacl",
  /// "session", "multi", "error", "reconfig", "check", or the name of one type as `log` prints it, in any
  /// case. kUsage with the nearest name.
  static Result<TypeSet> parse(std::string_view name);

 private:
  static std::uint64_t bit(TxnType type) { return 1ULL << (static_cast<std::int32_t>(type) + 16); }
  std::uint64_t bits_ = 0;
};

/// All conditions hold at once; of each list any one. Path, type and value are conditions on one operation:
/// within a multi on the same part.
struct TxnFilter {
  std::vector<PathPattern> paths;
  TypeSet types;
  std::vector<std::int64_t> sessions;
  std::vector<std::int32_t> cxids;
  std::optional<ValuePattern> value;
  /// Result codes of what failed (-101); 0 for what did not.
  std::vector<std::int32_t> errors;
  std::int64_t first_zxid = INT64_MIN, last_zxid = INT64_MAX;
  std::int64_t since_ms = INT64_MIN, until_ms = INT64_MAX;

  bool takes_header(const TxnHeader& header) const;
  /// Without a condition on what is in the record, its header decides.
  bool looks_inside() const { return !paths.empty() || !types.empty() || value || !errors.empty(); }
};

/// The result code a record stands for: of an error, of the first failed part of a multi; 0 when it took
/// effect.
std::int32_t result_code(const Txn& txn);

/// Sessions ended before 3.6 (or with closeSessionTxn.enabled=false) leave records that do not say which
/// nodes went with them. This remembers who owned what, of the nodes that are of interest.
class EphemeralOwners {
 public:
  explicit EphemeralOwners(std::vector<PathPattern> of_interest) : of_interest_(std::move(of_interest)) {}
  /// What a snapshot says was there.
  void load(std::string_view path, std::int64_t owner);
  /// Every record, in order, whether or not anybody asked for it.
  void see(const Txn& txn);
  /// What goes with the session that `txn`, a closeSession, ends; asked before see().
  std::vector<std::string> taken_along(const Txn& txn) const;

 private:
  void create(std::string_view path, std::int64_t owner);
  void remove(std::string_view path);
  void see_body(std::int64_t session, const TxnBody& body);

  std::vector<PathPattern> of_interest_;
  std::map<std::string, std::int64_t, std::less<>> owner_of_;
  std::map<std::int64_t, std::vector<std::string>> paths_of_;
};

/// Who owned what just before `zxid`: the newest snapshot before it, and the logs from there on. Damage is
/// passed over: whoever walks the logs reports it.
Result<EphemeralOwners> owners_before(restore::Source& source, const restore::SourceListing& listing,
                                      const std::vector<PathPattern>& of_interest, std::int64_t zxid,
                                      Job& job);

/// Whether the record is asked for. `owners`: null where every closeSession names its nodes.
bool matches(const TxnFilter& filter, const Txn& txn, const EphemeralOwners* owners = nullptr);
/// Whether one operation satisfies the conditions on operations.
bool matches_operation(const TxnFilter& filter, TxnType type, const TxnBody& body);

/// Chooses among the records of a history. Shown every one of them, in order.
class TxnChooser {
 public:
  /// Borrows everything.
  TxnChooser(const TxnFilter& filter, restore::Source& source, const restore::SourceListing& listing,
             Job& job)
      : filter_(filter), source_(source), listing_(listing), job_(job) {}
  /// Reads on its own what a session owned, once its end does not say.
  Result<bool> takes(const Txn& txn);
  /// How many were within the zxids and times asked for.
  std::uint64_t in_span() const { return in_span_; }
  /// Those that lie between others of the span, and whose own time alone keeps them out of it: a clock
  /// stepped.
  struct Stepped {
    std::uint64_t count = 0;
    std::int64_t first_zxid = 0, last_zxid = 0;
  };
  const Stepped& stepped() const { return stepped_; }

 private:
  void see_time(const TxnHeader& header);

  const TxnFilter& filter_;
  restore::Source& source_;
  const restore::SourceListing& listing_;
  Job& job_;
  std::optional<EphemeralOwners> owners_;
  std::uint64_t in_span_ = 0;
  Stepped stepped_, outside_;  // outside_: since the last one inside
};

/// Calls visit(path) for every node that the record creates, changes or deletes by name.
template <class Visit>
void for_each_path(const Txn& txn, Visit visit) {
  if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
    for (const SubTxn& sub : multi->txns)
      if (const Result<TxnBody> body = decode_sub_txn(sub))
        if (const std::string_view path = txn_path(*body); !path.empty()) visit(path);
    return;
  }
  if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body)) {
    for (const PathItem& item : close->paths) visit(item.path);
    return;
  }
  if (const std::string_view path = txn_path(txn.body); !path.empty()) visit(path);
}

}  // namespace zkark::forensics
