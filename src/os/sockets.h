#pragma once
// Addresses and listening sockets: what the event loop asks of the kernel once per connection. For the files
// of src/os only.
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <string_view>

#include "src/net/transport.h"
#include "src/os/descriptor.h"

namespace zkark::os {

/// An IPv4 address inside an IPv6 one ("::ffff:10.0.0.1", as a dual-stack socket has it) is shown as IPv4.
net::Endpoint endpoint_of(const sockaddr_storage& address);
/// Of this side of a socket; empty when the socket is none any more.
net::Endpoint local_endpoint(int fd);

/// Bound, listening, non-blocking. Every address of this machine: IPv6 with IPv4 in it, as Java does it, or
/// IPv4 alone where there is no IPv6. The errors of Transport::listen.
Result<Descriptor> listening_socket(const net::ListenOptions& options);

/// What every connection has: answers of a few bytes leave at once.
void set_no_delay(int fd);
void set_keep_alive(int fd);

/// kUnreachable: "WHAT: words of the system", with errno.
Error connection_error(int number, std::string_view what);

}  // namespace zkark::os
