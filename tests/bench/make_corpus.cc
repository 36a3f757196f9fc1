// Makes a data directory as large as wanted, for benchmarks: the history of a Kafka-like tree, written as a
// standalone server would have written it: logs that roll and are padded, snapshots at some of the rolls,
// right digests. The same arguments give the same bytes.
//
//   make_corpus --out DIR [--znodes 1000000] [--txns 2000000] [--value 128] [--log-txns 350000] [--snapshots
//   2]
//               [--seed 1] [--no-padding]
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "formats/ops.h"
#include "formats/snapshot.h"
#include "formats/txn_log.h"
#include "restore/apply.h"
#include "restore/state.h"
#include "src/os/posix_fs.h"

namespace zkark {
namespace {

using restore::State;

struct Settings {
  std::string out;
  std::uint64_t znodes = 1'000'000;
  std::uint64_t txns = 2'000'000;
  std::uint64_t value_bytes = 128;
  std::uint64_t log_txns = 350'000;  // a log is rolled after so many
  std::uint64_t snapshots = 2;       // at the last rolls; snapshot.0 besides
  std::uint64_t seed = 1;
  bool padding = true;
};

/// splitmix64: small, fast, and the same everywhere.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

constexpr std::string_view kFixedPaths[] = {"/kafka-prod", "/kafka-prod/brokers", "/kafka-prod/brokers/ids",
                                            "/kafka-prod/brokers/topics"};
constexpr std::uint64_t kNodesPerTopic =
    64;  // the topic, its partitions node, 31 partitions with their states
constexpr std::int64_t kPreallocated = 64 << 20;

/// Node number `n` of the topics' part of the tree; parents have smaller numbers.
std::string topic_path(std::uint64_t n) {
  const std::uint64_t topic = n / kNodesPerTopic, place = n % kNodesPerTopic;
  std::string path = fmt::format("/kafka-prod/brokers/topics/orders.events.{:05}", topic);
  if (place == 0) return path;
  path += "/partitions";
  if (place == 1) return path;
  path += fmt::format("/{}", (place - 2) / 2);
  if (place % 2 == 1) path += "/state";
  return path;
}
bool is_state(std::uint64_t n) { return n % kNodesPerTopic >= 2 && n % 2 == 1; }

class Corpus {
 public:
  explicit Corpus(const Settings& settings)
      : settings_(settings), dice_(settings.seed), state_(restore::initial_state()) {
    const Acl open{Perms::kAll, "world", "anyone"};
    open_acl_ = encode_acls(std::span(&open, 1));
    const Acl rules[] = {{Perms::kAll, "digest", "kafka:mz/ZcG+rOYek10On8Iv8SRfdHYU="},
                         {Perms::kRead, "world", "anyone"}};
    other_acl_ = encode_acls(rules);
  }

  Status make() {
    dir_ = join_path(settings_.out, "version-2");
    ZK_TRY_STATUS(make_dirs(fs_, dir_, 0755));
    const std::string cfg =
        fmt::format("tickTime=2000\ndataDir={}\nclientPort=2181\nadmin.enableServer=false\n", settings_.out);
    ZK_TRY_STATUS(write_file_atomic(fs_, join_path(settings_.out, "zoo.cfg"), as_bytes(cfg), {0644}));
    ZK_TRY_STATUS(write_snapshot_now());
    while (written_ < settings_.txns) {
      if (written_ % settings_.log_txns == 0) {
        if (written_ != 0) ZK_TRY_STATUS(roll());
        ZK_TRY_STATUS(open_log());
      }
      ZK_TRY_STATUS(one_txn());
    }
    ZK_TRY_STATUS(close_log());
    // Payload: data, full path and 60 bytes of stat per znode, what memory is measured against.
    const restore::Tree& tree = state_.tree;
    std::printf("%llu txns in %llu logs, %zu znodes, payload %llu bytes, digest %#llx\n",
                static_cast<unsigned long long>(written_), static_cast<unsigned long long>(logs_),
                tree.size(),
                static_cast<unsigned long long>(tree.data_bytes() + tree.path_bytes() + 60 * tree.size()),
                static_cast<unsigned long long>(tree.digest()));
    return {};
  }

 private:
  // ---- files ----

  Status open_log() {
    log_path_ = join_path(dir_, log_file_name(zxid_ + 1));
    ZK_TRY(log_, fs_.create(log_path_, {0644}));
    append_log_header(buffer_);
    ++logs_;
    return {};
  }
  Status flush() {
    ZK_TRY_STATUS(log_->append(as_bytes(buffer_)));
    log_bytes_ += static_cast<std::int64_t>(buffer_.size());
    buffer_.clear();
    return {};
  }
  /// Zeros up to the size that a server preallocates (reference section 3.5), as a hole.
  Status close_log() {
    ZK_TRY_STATUS(flush());
    log_.reset();
    if (settings_.padding) {
      std::int64_t size = 16;
      while (log_bytes_ + 4096 >= size) size += kPreallocated;
      std::filesystem::resize_file(log_path_, static_cast<std::uintmax_t>(size));
    }
    log_bytes_ = 0;
    return {};
  }
  Status roll() {
    ZK_TRY_STATUS(close_log());
    const std::uint64_t rolls = (settings_.txns - 1) / settings_.log_txns;
    if (logs_ + settings_.snapshots > rolls) return write_snapshot_now();
    return {};
  }
  Status write_snapshot_now() {
    ZK_TRY(auto file, fs_.create(join_path(dir_, snapshot_file_name(zxid_)), {0644}));
    FileSink sink(*file);
    restore::WriteSnapshotOptions options;
    options.zxid = zxid_;
    Job job;
    return restore::write_snapshot(state_, sink, options, job);
  }

  // ---- txns ----

  Status write(TxnType type, std::int64_t session, TxnBody body) {
    time_ms_ += static_cast<std::int64_t>(dice_.below(4));
    Txn txn;
    txn.header = {session, session == 0 ? 0 : static_cast<std::int32_t>(++cxids_[session]), ++zxid_, time_ms_,
                  type};
    txn.body = std::move(body);
    ZK_TRY_STATUS(restore::apply(state_, txn));
    if (type != TxnType::kError) txn.digest = TxnDigest{2, static_cast<std::int64_t>(state_.tree.digest())};
    append_txn(txn, buffer_);
    ++written_;
    if (buffer_.size() >= (1 << 20)) return flush();
    return {};
  }

  /// Mostly JSON as Kafka writes it, filled up to the length asked for; some of it no text at all.
  std::string_view make_value() {
    value_.clear();
    if (dice_.one_in(50)) {
      while (value_.size() < settings_.value_bytes) {
        const std::uint64_t bits = dice_.next();
        value_.append(reinterpret_cast<const char*>(&bits), 8);
      }
    } else {
      const std::uint64_t bits = dice_.next();
      fmt::format_to(
          std::back_inserter(value_),
          R"({{"controller_epoch":{},"leader":{},"version":1,"leader_epoch":{},"isr":[{},{},{}],"note":")",
          bits & 63, bits >> 6 & 7, bits >> 9 & 255, bits >> 17 & 7, bits >> 20 & 7, bits >> 23 & 7);
      while (value_.size() + 2 < settings_.value_bytes)
        value_ += static_cast<char>('a' + (value_.size() + bits) % 26);
      value_ += "\"}";
    }
    value_.resize(settings_.value_bytes);
    return value_;
  }

  std::int64_t any_session() { return sessions_[dice_.below(sessions_.size())]; }
  std::int32_t next_cversion(std::string_view path) {
    return state_.tree.stat(state_.tree.find_parent(path)).cversion + 1;
  }
  std::int32_t next_version(std::string_view path) {
    return state_.tree.stat(state_.tree.find(path)).version + 1;
  }
  CreateTxn create(std::string_view path, std::string_view value) {
    CreateTxn txn;
    txn.path = path;
    txn.data = as_bytes(value);
    txn.acl = AclList(as_bytes(dice_.one_in(16) ? other_acl_ : open_acl_));
    txn.parent_cversion = next_cversion(path);
    return txn;
  }
  SetDataTxn set(std::string_view path, std::string_view value) {
    return {path, as_bytes(value), next_version(path)};
  }

  Status one_txn() {
    if (fixed_ < std::size(kFixedPaths) && !sessions_.empty()) {
      const std::string_view path = kFixedPaths[fixed_++];
      return write(TxnType::kCreate, any_session(), create(path, make_value()));
    }
    if (sessions_.size() < 100 || waiting_broker_ != 0) return begin_session();
    if (dice_.one_in(4000)) return end_session();
    const std::uint64_t nodes_left =
        settings_.znodes > state_.tree.size() ? settings_.znodes - state_.tree.size() : 0;
    const std::uint64_t txns_left = settings_.txns - written_;
    if (dice_.below(txns_left) < nodes_left) return create_next();
    if (created_ < kNodesPerTopic) return set_some();
    switch (dice_.below(100)) {
      case 0:
        return write(TxnType::kError, any_session(), ErrorTxn{dice_.one_in(2) ? -101 : -103});
      case 1:
        return set_acl();
      case 2:
      case 3:
        return several_sets();
      case 4:
        return failed_multi();
      case 5:
      case 6:
      case 7:
        return delete_one();
      default:
        return set_some();
    }
  }

  Status begin_session() {
    if (waiting_broker_ != 0) {
      const std::int64_t session = waiting_broker_;
      waiting_broker_ = 0;
      const std::string path = fmt::format("/kafka-prod/brokers/ids/{}", session & 0xffff);
      CreateTxn txn = create(path, make_value());
      txn.ephemeral = 1;
      return write(TxnType::kCreate, session, txn);
    }
    const std::int64_t session = 0x100003b5a2f0000 + static_cast<std::int64_t>(++sessions_made_);
    sessions_.push_back(session);
    if (fixed_ == std::size(kFixedPaths)) waiting_broker_ = session;
    return write(TxnType::kCreateSession, session, CreateSessionTxn{30000});
  }
  Status end_session() {
    const std::size_t at = dice_.below(sessions_.size());
    const std::int64_t session = sessions_[at];
    sessions_.erase(sessions_.begin() + static_cast<std::ptrdiff_t>(at));
    const std::vector<std::string> paths = state_.tree.ephemerals_of(session);
    const std::vector<std::string_view> views(paths.begin(), paths.end());
    const std::string encoded = encode_paths(views);
    CloseSessionTxn txn;
    txn.has_body = true;
    txn.paths = PathList(as_bytes(encoded));
    return write(TxnType::kCloseSession, session, txn);
  }
  Status create_next() {
    if (!deleted_.empty() && dice_.one_in(2)) {
      const std::string path = topic_path(deleted_.front());
      deleted_.pop_front();
      return write(TxnType::kCreate, any_session(), create(path, make_value()));
    }
    const std::string path = topic_path(created_++);
    if (created_ % kNodesPerTopic != 1)
      return write(dice_.one_in(4) ? TxnType::kCreate2 : TxnType::kCreate, any_session(),
                   create(path, make_value()));
    // A new topic comes with its partitions node, in one multi.
    const std::string below = topic_path(created_++);
    const std::string first = std::string(make_value()), second = std::string(make_value());
    CreateTxn inner = create(path, second);
    inner.path = below;
    inner.parent_cversion = 1;
    const SubTxnValue parts[] = {{TxnType::kCreate, create(path, first)}, {TxnType::kCreate, inner}};
    const std::string encoded = encode_sub_txns(parts);
    return write(TxnType::kMulti, any_session(), MultiTxn{JuteVector<SubTxn>(as_bytes(encoded))});
  }
  std::uint64_t any_node() {
    for (;;) {
      const std::uint64_t n = dice_.below(created_);
      if (!is_state(n) || state_.tree.find(topic_path(n)) != restore::kNoNode) return n;
    }
  }
  Status set_some() {
    if (created_ == 0) return write(TxnType::kError, any_session(), ErrorTxn{-101});
    const std::string path = topic_path(any_node());
    return write(TxnType::kSetData, any_session(), set(path, make_value()));
  }
  Status set_acl() {
    const std::string path = topic_path(any_node());
    const std::int32_t version = state_.tree.stat(state_.tree.find(path)).aversion + 1;
    return write(TxnType::kSetAcl, any_session(), SetAclTxn{path, AclList(as_bytes(other_acl_)), version});
  }
  Status delete_one() {
    const std::uint64_t n = any_node();
    const std::string path = topic_path(n);
    if (!is_state(n)) return write(TxnType::kSetData, any_session(), set(path, make_value()));
    deleted_.push_back(n);
    return write(TxnType::kDelete, any_session(), DeleteTxn{path});
  }
  Status several_sets() {
    const std::uint64_t first = any_node() / kNodesPerTopic * kNodesPerTopic;
    const std::string topic = topic_path(first), below = topic_path(first + 1);
    const std::string value = std::string(make_value());
    const SubTxnValue parts[] = {{TxnType::kCheck, CheckVersionTxn{topic, next_version(topic)}},
                                 {TxnType::kSetData, set(topic, value)},
                                 {TxnType::kSetData, set(below, value)}};
    const std::string encoded = encode_sub_txns(parts);
    return write(TxnType::kMulti, any_session(), MultiTxn{JuteVector<SubTxn>(as_bytes(encoded))});
  }
  Status failed_multi() {
    const std::string path = topic_path(any_node());
    const SubTxnValue parts[] = {{TxnType::kSetData, set(path, make_value())},
                                 {TxnType::kError, ErrorTxn{-103}},
                                 {TxnType::kError, ErrorTxn{-2}}};
    const std::string encoded = encode_sub_txns(parts);
    return write(TxnType::kMulti, any_session(), MultiTxn{JuteVector<SubTxn>(as_bytes(encoded))});
  }

  Settings settings_;
  Dice dice_;
  os::PosixFs fs_;
  std::string dir_, log_path_, buffer_, value_, open_acl_, other_acl_;
  std::unique_ptr<File> log_;
  std::int64_t log_bytes_ = 0;
  std::uint64_t logs_ = 0, written_ = 0;

  State state_;
  std::int64_t zxid_ = 0;
  std::int64_t time_ms_ = 1793491200000;  // 2026-11-01 00:00 UTC
  std::size_t fixed_ = 0;
  std::uint64_t created_ = 0;  // nodes of topics made so far; those deleted since are in deleted_
  std::deque<std::uint64_t> deleted_;
  std::vector<std::int64_t> sessions_;
  std::uint64_t sessions_made_ = 0;
  std::int64_t waiting_broker_ = 0;  // session whose ephemeral is made next
  std::map<std::int64_t, std::uint32_t> cxids_;
};

int run(int argc, char** argv) {
  Settings settings;
  const std::map<std::string_view, std::uint64_t*> numbers = {
      {"--znodes", &settings.znodes},       {"--txns", &settings.txns},
      {"--value", &settings.value_bytes},   {"--log-txns", &settings.log_txns},
      {"--snapshots", &settings.snapshots}, {"--seed", &settings.seed}};
  bool understood = true;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--no-padding") {
      settings.padding = false;
    } else if (word == "--out" && i + 1 < argc) {
      settings.out = argv[++i];
    } else if (auto number = numbers.find(word); number != numbers.end() && i + 1 < argc) {
      const std::string_view text = argv[++i];
      understood &= std::from_chars(text.data(), text.data() + text.size(), *number->second).ptr ==
                    text.data() + text.size();
    } else {
      understood = false;
    }
  }
  if (!understood || settings.out.empty() || settings.log_txns == 0) {
    std::fputs(
        "usage: make_corpus --out DIR [--znodes N] [--txns N] [--value BYTES] [--log-txns N] [--snapshots N] "
        "[--seed N] "
        "[--no-padding]\n",
        stderr);
    return 2;
  }
  const Status made = Corpus(settings).make();
  if (made) return 0;
  std::fprintf(stderr, "make_corpus: %s\n", made.error().to_string().c_str());
  return 1;
}

}  // namespace
}  // namespace zkark

int main(int argc, char** argv) { return zkark::run(argc, argv); }
