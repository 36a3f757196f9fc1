#pragma once
// Asks a server a four-letter word (ruok, srvr, mntr), on a loop.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "formats/base/loop.h"
#include "src/client/client.h"
#include "src/net/transport.h"

namespace zkark::client {

/// One question. Belongs to the loop thread.
class FourLetters {
 public:
  /// All that came before the server closed, 1 MiB at most; kUnreachable when nothing accepts, answers or
  /// closes within the time. Called once; may destroy the FourLetters.
  using Done = std::function<void(Result<std::string>)>;
  FourLetters(Loop& loop, net::Transport& transport, const Server& server, std::string_view word,
              std::int64_t timeout_ms, Done done);
  /// Calls nobody.
  ~FourLetters();
  FourLetters(const FourLetters&) = delete;
  FourLetters& operator=(const FourLetters&) = delete;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

/// The rest of the first line that begins with `name`: field(answer, "Mode: ").
std::optional<std::string> answer_field(std::string_view answer, std::string_view name);
/// "srvr is not executed because it is not in the whitelist."
bool is_not_whitelisted(std::string_view answer);

}  // namespace zkark::client
