#pragma once
// Plans of undo, carried out: a server's own checks on each operation, then apply() on the state.
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "restore/state.h"
#include "src/forensics/undo.h"

namespace zkark::test {

/// What undo brings back of a node: data, ACL, type (with TTL or owner).
struct NodeFacts {
  std::optional<std::string> data;
  std::string acl;
  std::int64_t owner = 0;
  bool operator==(const NodeFacts&) const = default;
};
using Facts = std::map<std::string, NodeFacts>;
/// Of every node. Quota statistics without their data: the server counts.
Facts facts_of(const restore::State& state);

restore::State clone(const restore::State& state);

/// Turns each request into the transaction that a server would make of it, applies it, and returns what the
/// server would have answered: "" or the first refusal, with request and path. zxids go on from the state's.
std::string carry_out(const forensics::UndoPlan& plan, restore::State& state,
                      std::uint64_t max_request_bytes = 1048575);

}  // namespace zkark::test
