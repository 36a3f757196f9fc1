#include "src/os/service_socket.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

namespace zkark::os {

ServiceSocket::ServiceSocket(std::string_view address) {
  const bool path = address.starts_with('/'), abstract = address.starts_with('@');
  // Without its final zero a path may fill sun_path; an abstract name is all that is there.
  if (address.size() < 2 || address.size() > sizeof(sockaddr_un::sun_path) || !(path || abstract)) return;
  address_ = address;
  if (abstract) address_.front() = '\0';
  socket_ = Descriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_) return;
  const timeval patience{1, 0};
  static_cast<void>(::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience));
}

bool ServiceSocket::send(std::string_view assignments) {
  if (!socket_) return false;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  const ssize_t sent = retry([&] {
    return ::sendto(socket_.get(), assignments.data(), assignments.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&to), size);
  });
  return sent == static_cast<ssize_t>(assignments.size());
}

}  // namespace zkark::os
