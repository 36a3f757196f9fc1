#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <memory>

#include "src/os/clock.h"
#include "src/os/descriptor.h"
#include "src/os/local_system.h"

namespace zkark::os {
namespace {

bool connects(const addrinfo& address, std::int64_t until_ns) {
  Descriptor fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return false;
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS && errno != EINTR) return false;
  SystemClock clock;
  for (;;) {
    const std::int64_t left_ns = until_ns - clock.monotonic().ns;
    if (left_ns <= 0) return false;
    pollfd wait{fd.get(), POLLOUT, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(left_ns / 1'000'000 + 1));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    int problem = 0;
    socklen_t size = sizeof problem;
    return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &problem, &size) == 0 && problem == 0;
  }
}

}  // namespace

Result<bool> LocalSystem::port_answers(const std::string& host, std::uint16_t port, std::int64_t timeout_ms) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int problem = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &list);
  if (problem != 0)
    return fail(Error(ErrorId::kUnreachable,
                      fmt::format("host \"{}\" has no address: {}", host, ::gai_strerror(problem))));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(list, ::freeaddrinfo);
  // The timeout is for all addresses together: a caller that allows a second waits a second.
  const std::int64_t until_ns = SystemClock().monotonic().ns + timeout_ms * 1'000'000;
  for (const addrinfo* address = list; address != nullptr; address = address->ai_next)
    if (connects(*address, until_ns)) return true;
  return false;
}

}  // namespace zkark::os
