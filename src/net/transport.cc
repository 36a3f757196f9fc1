#include "src/net/transport.h"

namespace zkark::net {

std::string to_string(const Endpoint& endpoint) {
  const bool six = endpoint.ip.find(':') != std::string::npos;
  return (six ? "[" + endpoint.ip + "]" : endpoint.ip) + ":" + std::to_string(endpoint.port);
}

}  // namespace zkark::net
