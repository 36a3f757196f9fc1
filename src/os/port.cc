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

/// Waits for the descriptor. False when the time is up.
bool wait_for(int fd, short events, std::int64_t until_ns) {
  SystemClock clock;
  for (;;) {
    const std::int64_t left_ns = until_ns - clock.monotonic().ns;
    if (left_ns <= 0) return false;
    pollfd wait{fd, events, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(left_ns / 1'000'000 + 1));
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0;
  }
}

/// A connected socket, or none.
Descriptor connected(const addrinfo& address, std::int64_t until_ns) {
  Descriptor fd(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return {};
  if (::connect(fd.get(), address.ai_addr, address.ai_addrlen) == 0) return fd;
  if (errno != EINPROGRESS && errno != EINTR) return {};
  if (!wait_for(fd.get(), POLLOUT, until_ns)) return {};
  int problem = 0;
  socklen_t size = sizeof problem;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &problem, &size) != 0 || problem != 0) return {};
  return fd;
}

/// The first of a host's addresses that accepts; none when the time, which is for all of them together, is
/// up.
Result<Descriptor> connect_to(const std::string& host, std::uint16_t port, std::int64_t until_ns) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int problem = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &list);
  if (problem != 0)
    return fail(Error(ErrorId::kUnreachable,
                      fmt::format("host \"{}\" has no address: {}", host, ::gai_strerror(problem))));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(list, ::freeaddrinfo);
  for (const addrinfo* address = list; address != nullptr; address = address->ai_next)
    if (Descriptor fd = connected(*address, until_ns)) return fd;
  return Descriptor();
}

std::int64_t end_of(std::int64_t timeout_ms) { return SystemClock().monotonic().ns + timeout_ms * 1'000'000; }

}  // namespace

Result<bool> LocalSystem::port_answers(const std::string& host, std::uint16_t port, std::int64_t timeout_ms) {
  ZK_TRY(const Descriptor fd, connect_to(host, port, end_of(timeout_ms)));
  return static_cast<bool>(fd);
}

Result<std::string> LocalSystem::ask_port(const std::string& host, std::uint16_t port,
                                          std::string_view question, std::size_t max_bytes,
                                          std::int64_t timeout_ms) {
  const std::int64_t until_ns = end_of(timeout_ms);
  const auto silent = [&](std::string_view what) {
    return fail(Error(ErrorId::kUnreachable, fmt::format("{}:{} {}", host, port, what)));
  };
  ZK_TRY(const Descriptor fd, connect_to(host, port, until_ns));
  if (!fd) return silent("does not accept connections");
  while (!question.empty()) {
    const ssize_t sent =
        retry([&] { return ::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL); });
    if (sent < 0 && errno != EAGAIN) return silent("closed the connection");
    if (sent > 0)
      question.remove_prefix(static_cast<std::size_t>(sent));
    else if (!wait_for(fd.get(), POLLOUT, until_ns))
      return silent("did not answer in time");
  }
  std::string answer;
  for (;;) {
    char block[4096];
    const ssize_t got = retry([&] { return ::recv(fd.get(), block, sizeof block, 0); });
    if (got == 0) return answer;
    if (got < 0 && errno != EAGAIN) return silent("closed the connection");
    if (got < 0 && !wait_for(fd.get(), POLLIN, until_ns)) return silent("did not answer in time");
    if (got <= 0) continue;
    if (answer.size() + static_cast<std::size_t>(got) > max_bytes)
      return silent("answered at too great length");
    answer.append(block, static_cast<std::size_t>(got));
  }
}

}  // namespace zkark::os
