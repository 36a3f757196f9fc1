#pragma once
// Requests that change nothing but watches: one function each (reference/client-protocol-and-server section
// 2; Apache: FinalRequestProcessor).
#include <cstdint>
#include <vector>

#include "formats/proto.h"
#include "restore/state.h"
#include "src/server/auth.h"
#include "src/server/watches.h"

namespace zkark::server {

struct ReadContext {
  const restore::State& state;
  const AuthRules& rules;
  WatchTable& watches;
  Watcher& watcher;  // the connection that asks
  const std::vector<Identity>& who;
  std::int64_t session = 0;
};

/// Whether read() answers that operation.
bool is_read(OpCode op);

/// Answers one request: writes the body of the reply. On another code than Ok what it wrote is void.
/// kMarshallingError when the request cannot be decoded. setWatches is not among them.
ZkCode read(OpCode op, Bytes body, const ReadContext& context, JuteWriter& out);

/// setWatches and setWatches2: tells the watcher what it missed, then watches. No body in the reply.
ZkCode set_watches(OpCode op, Bytes body, const ReadContext& context);

}  // namespace zkark::server
