#pragma once
#include "formats/base/system.h"

namespace zkark::os {

/// System over Linux: /proc for processes and their open files, sockets, the account databases.
class LocalSystem final : public System {
 public:
  std::uint32_t pid() override;
  std::string hostname() override;
  Owner self() override;
  bool process_alive(std::uint32_t pid) override;
  std::optional<std::string> process_identity(std::uint32_t pid) override;
  Result<OpenFiles> open_files_under(const std::string& dir) override;
  Result<bool> port_answers(const std::string& host, std::uint16_t port, std::int64_t timeout_ms) override;
  Result<std::string> ask_port(const std::string& host, std::uint16_t port, std::string_view question,
                               std::size_t max_bytes, std::int64_t timeout_ms) override;
  Result<Owner> lookup_owner(std::string_view text) override;
};

}  // namespace zkark::os
