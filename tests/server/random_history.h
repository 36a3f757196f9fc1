#pragma once
// A state that random txns change, through apply() alone: what a server does to it, without the server.
#include <gtest/gtest.h>

#include <iterator>
#include <string>
#include <vector>

#include "restore/apply.h"
#include "tests/support/sim_random.h"

namespace zkark::server {

class RandomHistory {
 public:
  explicit RandomHistory(std::uint64_t seed) : random(seed) {}

  /// One txn. Few names, so that paths come again, under ids that come again.
  void step() {
    ++zxid_;
    switch (random.below(16)) {
      case 0:
        return session();
      case 1:
        return close_session();
      case 2:
        return quota();
      case 3:
        return apply(TxnType::kError, ErrorTxn{-101});
      case 4:
      case 5:
        return set_acl();
      case 6:
      case 7:
      case 8:
        return set_data();
      case 9:
      case 10:
      case 11:
        return remove();
      default:
        return create();
    }
  }
  void steps(std::uint64_t count) {
    while (count-- != 0) step();
  }

  restore::State state = restore::initial_state();
  test::SimRandom random;

 private:
  void apply(TxnType type, TxnBody body, std::int64_t session = 0) {
    Txn txn;
    txn.header = {session, 0, zxid_, 1'767'225'600'000 + zxid_, type};
    txn.body = std::move(body);
    const auto applied = restore::apply(state, txn);
    ASSERT_TRUE(applied) << applied.error().to_string();
  }

  std::string any_path() {
    std::vector<restore::NodeId> ids;
    state.tree.for_each_node([&](restore::NodeId id) { ids.push_back(id); });
    return state.tree.path(ids[random.below(ids.size())]);
  }
  std::int64_t any_session() {
    if (state.sessions.empty()) return 0;
    return std::next(state.sessions.begin(), static_cast<std::ptrdiff_t>(random.below(state.sessions.size())))
        ->first;
  }
  std::optional<Bytes> any_data() {
    if (random.below(8) == 0) return std::nullopt;
    data_.assign(random.below(12) == 0 ? 3000 + random.below(3000) : random.below(40),
                 static_cast<char>('a' + random.below(26)));
    return as_bytes(data_);
  }
  AclList any_acl() {
    const std::uint64_t kind = random.below(6);
    if (kind < 2) return {};
    user_ = "user" + std::to_string(kind);
    const Acl acl{static_cast<std::int32_t>(kind), "digest", std::string_view(user_)};
    acl_ = encode_acls(std::span(&acl, 1));
    return AclList(as_bytes(acl_));
  }

  void session() { apply(TxnType::kCreateSession, CreateSessionTxn{4000}, 0x100 + zxid_); }
  void close_session() {
    if (const std::int64_t id = any_session(); id != 0) apply(TxnType::kCloseSession, CloseSessionTxn{}, id);
  }
  void create() {
    std::string path = any_path();
    if (path.starts_with("/zookeeper")) path = "/";
    path += (path == "/" ? "" : "/") + std::string(1 + random.below(2) * 20, 'a' + random.below(6));
    const std::int64_t session = any_session();
    const std::uint64_t kind = random.below(8);
    const std::optional<Bytes> data = any_data();
    const AclList acl = any_acl();
    if (kind == 0) return apply(TxnType::kCreateContainer, CreateContainerTxn{path, data, acl, -1});
    if (kind == 1) return apply(TxnType::kCreateTtl, CreateTtlTxn{path, data, acl, -1, 5000});
    const bool ephemeral = kind < 5 && session != 0;
    apply(TxnType::kCreate, CreateTxn{path, data, acl, ephemeral, -1, false}, ephemeral ? session : 0);
  }
  void remove() {
    const std::string path = any_path();
    if (path == "/" || path == "/zookeeper" || path == "/zookeeper/quota" || path == "/zookeeper/config")
      return;
    // With children now and then: a whole subtree, as replay over a fuzzy base has it.
    if (state.tree.child_count(state.tree.find(path)) != 0 && random.below(4) != 0) return;
    apply(TxnType::kDelete, DeleteTxn{path});
  }
  void set_data() {
    const std::string path = any_path();
    apply(TxnType::kSetData, SetDataTxn{path, any_data(), static_cast<std::int32_t>(random.below(100))});
  }
  void set_acl() {
    const std::string path = any_path();
    apply(TxnType::kSetAcl, SetAclTxn{path, any_acl(), static_cast<std::int32_t>(random.below(100))});
  }
  /// From then on each change below /a or /b edits a node of the quota.
  void quota() {
    const std::string top = random.below(2) == 0 ? "/a" : "/b", at = "/zookeeper/quota" + top;
    const std::string limit = "count=1000,bytes=-1";
    if (state.tree.find(top) == restore::kNoNode || state.tree.find(at) != restore::kNoNode) return;
    apply(TxnType::kCreate, CreateTxn{at, std::nullopt, {}, 0, -1, false});
    for (const char* const name : {"/zookeeper_limits", "/zookeeper_stats"}) {
      ++zxid_;
      const std::string path = at + name;
      apply(TxnType::kCreate, CreateTxn{path, as_bytes(limit), {}, 0, -1, false});
    }
  }

  std::int64_t zxid_ = 0;
  std::string data_, acl_, user_;
};

}  // namespace zkark::server
