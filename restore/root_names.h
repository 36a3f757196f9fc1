#pragma once
// The digest a server logs when its root changes under both of its names. A server (3.6 to 3.10) computes the
// digest of a txn before it is applied, from a list of the changes under way, and that list knows the root by
// two names: "" where a child comes or goes, "/" where its own data or ACL is set. A change under one name is
// not seen under the other until it is applied, so that a multi with both, or two requests close behind one
// another, is logged with a digest that no tree has. Here that list is kept as the server keeps it, which
// gives the very number that it logs (Apache: PrepRequestProcessor.getRecordForPath, precalculateDigest).
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "formats/txn.h"
#include "restore/state.h"

namespace zkark::restore {

/// Follows one replay. No record tells which changes were applied when the next was computed: every
/// possibility is kept until a logged digest rules it out. What was under way longer than the last few
/// changes of the root is not considered; a digest that would need it stays unexplained.
class RootNames {
 public:
  /// `state`: before the first record.
  explicit RootNames(const State& state);

  /// Before `txn` is applied to `state`.
  void observe(const Txn& txn, const State& state);
  /// Whether the server may have logged, with the observed record, a digest that is `difference` (wrapping)
  /// above that of the tree. What does not fit is forgotten.
  bool settle(std::uint64_t difference);

 private:
  enum Name : std::uint8_t { kAsParent, kItself };  // "" and "/"
  struct Root {
    StatPersisted stat;
    std::shared_ptr<const std::string> data;  // null: null data
    std::uint64_t digest = 0;
    bool operator==(const Root&) const = default;
  };
  /// A change in the list: the root as the server believes it to be afterwards. Under way while `version` is
  /// above what is applied.
  struct Change {
    std::uint64_t version = 0;
    Root root;
    bool operator==(const Change&) const = default;
  };
  struct Possibility {
    std::uint64_t error = 0;    // logged digest minus that of the tree
    std::uint64_t applied = 0;  // the version of the root in the server's tree
    Change last[2];             // by Name
    bool operator==(const Possibility&) const = default;
  };
  /// The root as looked up, and the version that is applied by then.
  struct Found {
    std::uint64_t applied = 0;
    Root root;
  };
  struct Touch;

  void collect(const TxnBody& body, const TxnHeader& header, const State& state);
  static Root after(const Root& root, const Touch& touch, std::int64_t zxid, std::int64_t time_ms);
  std::vector<Found> found(const Change& own, std::uint64_t applied) const;
  void branch(const Touch& touch, bool first, const Root& now, const Root& then, const TxnHeader& header);
  void add(std::vector<Possibility>& to, Possibility possibility) const;
  const Root& version(std::uint64_t number) const { return versions_[number - oldest_]; }
  std::uint64_t newest() const { return oldest_ + versions_.size() - 1; }

  std::deque<Root> versions_;  // of the replayed tree; the last is the newest
  std::uint64_t oldest_ = 0;   // the number of versions_.front()
  std::vector<Possibility> possible_;
  std::vector<Touch> touches_;  // of the observed record
};

struct RootNames::Touch {
  Name name = kAsParent;
  TxnType type = TxnType::kError;  // create, delete, setData or setACL
  std::int32_t version = 0;        // cversion, version or aversion afterwards
  std::shared_ptr<const std::string> data;
};

}  // namespace zkark::restore
