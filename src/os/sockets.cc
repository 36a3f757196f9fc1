#include "src/os/sockets.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>

#include <memory>
#include <system_error>

#include "formats/base/system_error.h"

namespace zkark::os {
namespace {

void set_option(int fd, int level, int name, int value) {
  ::setsockopt(fd, level, name, &value, sizeof value);
}

std::string_view hint_for_listening(int number) {
  switch (number) {
    case EADDRINUSE:
      return "another process listens there (ss -ltnp shows it); end it or choose another port";
    case EADDRNOTAVAIL:
      return "that address belongs to no interface of this machine";
    case EACCES:
      return "ports below 1024 need the right to bind them (CAP_NET_BIND_SERVICE)";
    default:
      return hint_of_errno(number);
  }
}

Failure cannot_listen(int number, const net::ListenOptions& options) {
  const std::string host = options.host.empty() ? "*" : options.host;
  return fail(
      Error(ErrorId::kStorage, fmt::format("cannot listen on {}: {}", net::to_string({host, options.port}),
                                           std::generic_category().message(number)))
          .with_errno(number)
          .with_hint(std::string(hint_for_listening(number))));
}

/// A listening socket, or none and errno.
Descriptor listening(const sockaddr* address, socklen_t size, int backlog) {
  Descriptor fd(::socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return {};
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address->sa_family == AF_INET6) {
    const bool any = IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
    set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, any ? 0 : 1);
  }
  if (::bind(fd.get(), address, size) == 0 && ::listen(fd.get(), backlog < 0 ? SOMAXCONN : backlog) == 0)
    return fd;
  const int number = errno;
  fd = Descriptor();
  errno = number;
  return {};
}

Descriptor listening_everywhere(std::uint16_t port, int backlog) {
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(port);
  Descriptor fd = listening(reinterpret_cast<const sockaddr*>(&six), sizeof six, backlog);
  if (fd || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return fd;
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  return listening(reinterpret_cast<const sockaddr*>(&four), sizeof four, backlog);
}

}  // namespace

net::Endpoint endpoint_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto& four = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &four.sin_addr, text, sizeof text);
    return {text, ntohs(four.sin_port)};
  }
  if (address.ss_family != AF_INET6) return {};
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address);
  if (IN6_IS_ADDR_V4MAPPED(&six.sin6_addr))
    ::inet_ntop(AF_INET, &six.sin6_addr.s6_addr[12], text, sizeof text);
  else
    ::inet_ntop(AF_INET6, &six.sin6_addr, text, sizeof text);
  return {text, ntohs(six.sin6_port)};
}

net::Endpoint local_endpoint(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return endpoint_of(address);
}

Result<Descriptor> listening_socket(const net::ListenOptions& options) {
  if (options.host.empty() || options.host == "0.0.0.0" || options.host == "::") {
    Descriptor fd = listening_everywhere(options.port, options.backlog);
    if (!fd) return cannot_listen(errno, options);
    return fd;
  }
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int problem =
      ::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &wanted, &list);
  if (problem != 0)
    return fail(Error(ErrorId::kUnreachable,
                      fmt::format("host \"{}\" has no address: {}", options.host, ::gai_strerror(problem))));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(list, ::freeaddrinfo);
  int first_errno = 0;
  for (const addrinfo* address = list; address != nullptr; address = address->ai_next) {
    if (Descriptor fd = listening(address->ai_addr, address->ai_addrlen, options.backlog)) return fd;
    if (first_errno == 0) first_errno = errno;
  }
  return cannot_listen(first_errno, options);
}

void set_no_delay(int fd) { set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); }
void set_keep_alive(int fd) { set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1); }

Error connection_error(int number, std::string_view what) {
  return Error(ErrorId::kUnreachable, fmt::format("{}: {}", what, std::generic_category().message(number)))
      .with_errno(number);
}

}  // namespace zkark::os
