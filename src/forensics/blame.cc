#include "src/forensics/blame.h"

#include <algorithm>
#include <numeric>

#include "src/forensics/filter.h"

namespace zkark::forensics {
namespace {

using restore::NodeId;

bool is_creation(TxnType type) {
  return type == TxnType::kCreate || type == TxnType::kCreate2 || type == TxnType::kCreateContainer ||
         type == TxnType::kCreateTtl;
}
bool writes_data(TxnType type) {
  return is_creation(type) || type == TxnType::kSetData || type == TxnType::kReconfig;
}

class WriterSearch {
 public:
  WriterSearch(const restore::Tree& tree, const std::vector<WriteAsked>& asked)
      : tree_(tree), asked_(asked), order_(asked.size()) {
    writers.of.resize(asked.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) {
      return asked_[a].zxid != asked_[b].zxid ? asked_[a].zxid < asked_[b].zxid : asked_[a].id < asked_[b].id;
    });
    // The root and what a server makes by itself carry zxid 0: no record did that.
    begin_ =
        static_cast<std::size_t>(std::partition_point(order_.begin(), order_.end(),
                                                      [&](std::size_t i) { return asked_[i].zxid <= 0; }) -
                                 order_.begin());
    cursor_ = begin_;
  }

  bool nothing_to_do() const { return begin_ == order_.size(); }
  std::int64_t lowest() const { return asked_[order_[begin_]].zxid; }
  std::int64_t highest() const { return asked_[order_.back()].zxid; }

  void see(const Txn& txn) {
    ++writers.records;
    const std::int64_t zxid = txn.header.zxid;
    // Damage may let zxids go backwards.
    if (cursor_ > begin_ && asked_[order_[cursor_ - 1]].zxid >= zxid) cursor_ = first_at(zxid);
    while (cursor_ < order_.size() && asked_[order_[cursor_]].zxid < zxid) ++cursor_;
    if (cursor_ == order_.size() || asked_[order_[cursor_]].zxid != zxid) return;
    if (result_code(txn) != 0 || txn.header.type == TxnType::kError) return;
    const auto* multi = std::get_if<MultiTxn>(&txn.body);
    if (multi == nullptr) return answer(txn.header, txn.header.type, 0, txn_path(txn.body));
    std::uint32_t part = 0;
    for (const SubTxn& sub : multi->txns) {
      ++part;
      if (!writes_data(sub.type)) continue;
      if (const Result<TxnBody> body = decode_sub_txn(sub))
        answer(txn.header, sub.type, part, txn_path(*body));
    }
  }

  Writers writers;

 private:
  std::size_t first_at(std::int64_t zxid) const {
    return static_cast<std::size_t>(
        std::partition_point(order_.begin() + static_cast<std::ptrdiff_t>(begin_), order_.end(),
                             [&](std::size_t i) { return asked_[i].zxid < zxid; }) -
        order_.begin());
  }

  void answer(const TxnHeader& header, TxnType type, std::uint32_t part, std::string_view path) {
    if (!writes_data(type)) return;
    const NodeId id = tree_.find(path);
    if (id == restore::kNoNode) return;
    const auto from = order_.begin() + static_cast<std::ptrdiff_t>(cursor_);
    for (auto at = std::partition_point(
             from, order_.end(),
             [&](std::size_t i) { return asked_[i].zxid == header.zxid && asked_[i].id < id; });
         at != order_.end() && asked_[*at].zxid == header.zxid && asked_[*at].id == id; ++at) {
      if (asked_[*at].creation && !is_creation(type)) continue;
      writers.of[*at] = Writer{header.time_ms, header.client_id, header.cxid, type, part};
    }
  }

  const restore::Tree& tree_;
  const std::vector<WriteAsked>& asked_;
  std::vector<std::size_t> order_;  // by zxid, then node
  std::size_t begin_ = 0;           // first question with a zxid
  std::size_t cursor_ = 0;          // first question at or behind the record
};

}  // namespace

Result<Writers> find_writers(restore::Source& source, const restore::SourceListing& listing,
                             const restore::Tree& tree, const std::vector<WriteAsked>& asked,
                             restore::Findings& findings, Job& job) {
  WriterSearch search(tree, asked);
  if (search.nothing_to_do()) return std::move(search.writers);
  restore::LogWalkOptions options;
  options.after_zxid = search.lowest() - 1;
  options.overlaps = listing.logs_overlap;
  restore::LogWalk walk(source, listing.logs, options, findings);
  restore::WalkEntry walked;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const bool more, walk.next_into(walked));
    if (!more || walked.entry.zxid() > search.highest()) break;
    search.see(walked.entry.txn);
  }
  return std::move(search.writers);
}

}  // namespace zkark::forensics
