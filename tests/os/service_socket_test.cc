#include "src/os/service_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

namespace zkark::os {
namespace {

/// The manager's end. `name` begins with a zero byte where it is abstract.
class Manager {
 public:
  explicit Manager(const std::string& name) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::memcpy(at.sun_path, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), size), 0) << std::strerror(errno);
  }
  /// The next datagram; "" when there is none.
  std::string next() {
    char text[512];
    const ssize_t n = ::recv(socket_.get(), text, sizeof text, MSG_DONTWAIT);
    return n <= 0 ? std::string() : std::string(text, static_cast<std::size_t>(n));
  }

 private:
  Descriptor socket_;
};

std::string own_name(const std::string& what) { return "zkark-" + what + "-" + std::to_string(::getpid()); }

TEST(ServiceSocket, SendsADatagramToAPath) {
  const std::string path = std::filesystem::temp_directory_path() / own_name("notify");
  {
    Manager manager(path);
    ServiceSocket line(path);
    EXPECT_TRUE(line.send("READY=1\nSTATUS=serving"));
    EXPECT_TRUE(line.send("WATCHDOG=1"));
    EXPECT_EQ(manager.next(), "READY=1\nSTATUS=serving");
    EXPECT_EQ(manager.next(), "WATCHDOG=1");
    EXPECT_EQ(manager.next(), "");
  }
  std::filesystem::remove(path);
}

TEST(ServiceSocket, SendsADatagramToAnAbstractName) {
  const std::string name = own_name("abstract");
  Manager manager(std::string(1, '\0') + name);
  EXPECT_TRUE(ServiceSocket("@" + name).send("READY=1"));
  EXPECT_EQ(manager.next(), "READY=1");
  EXPECT_FALSE(ServiceSocket("@" + name + "x").send("READY=1")) << "a name that only begins like it";
}

TEST(ServiceSocket, SendsNothingWhereNobodyListensOrNoAddressIsGiven) {
  for (const std::string& address :
       {std::string(), std::string("@"), std::string("/"), std::string("relative"),
        std::string("vsock:2:1234"), "/nowhere/" + own_name("nobody"), "/" + std::string(200, 'x')})
    EXPECT_FALSE(ServiceSocket(address).send("READY=1")) << address;
}

TEST(ServiceSocket, WaitsASecondAtMostForAManagerThatDoesNotRead) {
  const std::string name = own_name("deaf");
  const Manager manager(std::string(1, '\0') + name);
  ServiceSocket line("@" + name);
  std::size_t sent = 0;
  while (sent < 10'000 && line.send("WATCHDOG=1")) ++sent;
  EXPECT_GT(sent, 0U);
  EXPECT_LT(sent, 10'000U) << "its queue has a limit";
}

}  // namespace
}  // namespace zkark::os
