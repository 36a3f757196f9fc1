#pragma once
// Containers that are empty again and TTL nodes whose time is over are deleted by the server itself
// (reference/client-protocol-and-server section 2; Apache: ContainerManager). The ids of all such nodes are
// kept, so that a round costs as much as there are of them, not as there are znodes.
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "formats/base/clock.h"
#include "formats/base/loop.h"
#include "restore/tree.h"
#include "src/server/settings.h"

namespace zkark::server {

/// Whether a node with that stat may go at `now_ms` (wall clock): a container that has had children, or had
/// none for longer than maxNeverUsedIntervalMs; a TTL node that was not written for longer than its time, if
/// there are TTL nodes (extendedTypesEnabled). Never one with children.
bool is_due(const StatPersisted& stat, std::uint32_t children, std::int64_t now_ms, const Settings& settings);

/// Loop thread only.
class Sweep {
 public:
  /// `propose` asks for the deletion of a path; false: the server has too much to do, so later.
  using Propose = std::function<bool(std::string_view path)>;
  /// All borrowed, all outlive it.
  Sweep(Loop& loop, Clock& clock, const Settings& settings, const restore::Tree& tree, Propose propose);
  ~Sweep();
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  /// Looks through the tree once; rounds begin checkIntervalMs from now.
  void start();
  void stop();
  /// The tree has this node since just now.
  void created(std::string_view path);
  /// It is about to lose it.
  void deleting(restore::NodeId id);

  std::size_t known() const { return ids_.size(); }

 private:
  void next_round();
  void round();
  void step();

  Loop& loop_;
  Clock& clock_;
  const Settings& settings_;
  const restore::Tree& tree_;
  const Propose propose_;
  bool started_ = false;
  std::unordered_set<restore::NodeId> ids_;  // of containers and TTL nodes
  std::deque<std::string> due_;              // found in this round
  Loop::TimerId round_timer_ = 0, step_timer_ = 0;
};

}  // namespace zkark::server
