#include "src/os/local_system.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <thread>

#include "formats/base/fs.h"
#include "src/os/descriptor.h"
#include "src/os/posix_fs.h"

namespace zkark::os {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A child that does `work`, tells us, and then waits until it is told to end.
class Child {
 public:
  explicit Child(const std::function<void()>& work) {
    int to_parent[2], to_child[2];
    EXPECT_EQ(::pipe2(to_parent, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(to_child, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      work();
      char byte = 1;
      if (::write(to_parent[1], &byte, 1) != 1) ::_exit(1);
      ::close(to_child[1]);
      [[maybe_unused]] const ssize_t n = ::read(to_child[0], &byte, 1);
      ::_exit(0);
    }
    end_ = Descriptor(to_child[1]);
    Descriptor ready(to_parent[0]);
    ::close(to_parent[1]);
    ::close(to_child[0]);
    char byte = 0;
    EXPECT_EQ(::read(ready.get(), &byte, 1), 1);
  }
  ~Child() { reap(); }

  std::uint32_t pid() const { return static_cast<std::uint32_t>(pid_); }
  /// The child ends, and stays a zombie until reap().
  void end() {
    end_ = Descriptor();
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void reap() {
    if (reaped_) return;
    end();
    ::waitpid(pid_, nullptr, 0);
    reaped_ = true;
  }

 private:
  pid_t pid_ = 0;
  Descriptor end_;
  bool reaped_ = false;
};

class LocalSystemTest : public ::testing::Test {
 protected:
  LocalSystemTest() {
    EXPECT_NE(::mkdtemp(dir_.data()), nullptr);
    EXPECT_TRUE(fs_.create(dir_ + "/log.1", {}));
  }
  ~LocalSystemTest() override { EXPECT_TRUE(remove_tree(fs_, dir_)); }

  LocalSystem system_;
  PosixFs fs_;
  std::string dir_ = "/tmp/zkark-system-XXXXXX";
};

TEST_F(LocalSystemTest, KnowsItself) {
  EXPECT_EQ(system_.pid(), static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(system_.self(), (Owner{::geteuid(), ::getegid()}));
  char name[256];
  ASSERT_EQ(::gethostname(name, sizeof name), 0);
  EXPECT_EQ(system_.hostname(), name);
  EXPECT_TRUE(system_.process_alive(system_.pid()));
}

TEST_F(LocalSystemTest, AProcessLivesUntilItEndsAlsoIfNobodyWaitedForIt) {
  Child child([] {});
  EXPECT_TRUE(system_.process_alive(child.pid()));
  EXPECT_NE(system_.process_identity(child.pid()), std::nullopt);
  EXPECT_NE(system_.process_identity(child.pid()), system_.process_identity(1));
  EXPECT_EQ(system_.process_identity(child.pid()), system_.process_identity(child.pid()));
  child.end();
  EXPECT_FALSE(system_.process_alive(child.pid())) << "a zombie";
  EXPECT_EQ(system_.process_identity(child.pid()), std::nullopt);
  child.reap();
  EXPECT_FALSE(system_.process_alive(child.pid()));
}

TEST_F(LocalSystemTest, NumbersThatAreNoProcessAreNotAlive) {
  for (const std::uint32_t pid : {0u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    EXPECT_FALSE(system_.process_alive(pid)) << pid;
    EXPECT_EQ(system_.process_identity(pid), std::nullopt) << pid;
  }
}

TEST_F(LocalSystemTest, SeesWhatOtherProcessesHaveOpenUnderADirectory) {
  EXPECT_THAT(system_.open_files_under(dir_)->files, IsEmpty());
  Descriptor own(::open((dir_ + "/log.1").c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_THAT(system_.open_files_under(dir_)->files, IsEmpty()) << "our own do not count";
  own = Descriptor();
  Child child([&] { ::open((dir_ + "/log.1").c_str(), O_RDONLY); });
  const Result<OpenFiles> open = system_.open_files_under(dir_);
  ASSERT_TRUE(open);
  ASSERT_EQ(open->files.size(), 1u);
  EXPECT_THAT(open->files[0], HasSubstr("pid " + std::to_string(child.pid()) + " ("));
  EXPECT_THAT(open->files[0], HasSubstr("): " + dir_ + "/log.1"));
  if (::geteuid() == 0) {
    EXPECT_EQ(open->processes_unseen, 0u);
  }
}

TEST_F(LocalSystemTest, SeesDeletedFilesAndSymlinkedDirectories) {
  Child child([&] { ::open((dir_ + "/log.1").c_str(), O_RDONLY); });
  const std::string link = dir_ + "-link";
  ASSERT_EQ(::symlink(dir_.c_str(), link.c_str()), 0);
  EXPECT_EQ(system_.open_files_under(link)->files.size(), 1u);
  ::unlink(link.c_str());
  ASSERT_TRUE(fs_.remove_file(dir_ + "/log.1"));
  EXPECT_THAT(system_.open_files_under(dir_)->files, ElementsAre(HasSubstr("/log.1 (deleted)")));
}

TEST_F(LocalSystemTest, ADirectoryWithTheSameBeginningOfItsNameIsAnother) {
  const std::string neighbour = dir_ + "2";
  ASSERT_TRUE(fs_.make_dir(neighbour, 0700));
  Child child([&] { ::open((neighbour + "/f").c_str(), O_RDONLY | O_CREAT, 0600); });
  EXPECT_THAT(system_.open_files_under(dir_)->files, IsEmpty());
  EXPECT_EQ(system_.open_files_under(neighbour)->files.size(), 1u);
  ASSERT_TRUE(remove_tree(fs_, neighbour));
}

TEST_F(LocalSystemTest, AFileOpenThroughAHardLinkElsewhereIsSeenByItsInode) {
  const std::string other = dir_ + "-elsewhere";
  ASSERT_EQ(::link((dir_ + "/log.1").c_str(), other.c_str()), 0);
  Child child([&] { ::open(other.c_str(), O_RDONLY); });
  ::unlink(other.c_str());
  EXPECT_EQ(system_.open_files_under(dir_)->files.size(), 1u);
}

TEST_F(LocalSystemTest, ADirectoryThatIsNotThereIsAnError) {
  EXPECT_EQ(system_.open_files_under(dir_ + "/nothing").error().id(), ErrorId::kNoFile);
}

TEST_F(LocalSystemTest, TellsAListeningPortFromAClosedOne) {
  Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::uint16_t port = ntohs(address.sin_port);
  EXPECT_FALSE(system_.port_answers("127.0.0.1", port, 60'000).value()) << "bound, but nobody listens";
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_TRUE(system_.port_answers("127.0.0.1", port, 60'000).value());
  listener = Descriptor();
  EXPECT_FALSE(system_.port_answers("127.0.0.1", port, 60'000).value());
}

TEST_F(LocalSystemTest, AsksAPortAndGivesItsAnswerUntilItCloses) {
  Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  socklen_t size = sizeof address;
  ASSERT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::uint16_t port = ntohs(address.sin_port);
  const std::string long_answer(100'000, 'x');
  std::thread server([&] {
    for (int n = 0; n < 2; ++n) {
      Descriptor client(::accept(listener.get(), nullptr, nullptr));
      char question[4] = {};
      EXPECT_EQ(::recv(client.get(), question, sizeof question, MSG_WAITALL), 4);
      EXPECT_EQ(std::string_view(question, 4), "srvr");
      for (std::size_t sent = 0; sent < long_answer.size();) {
        const ssize_t part =
            ::send(client.get(), long_answer.data() + sent, long_answer.size() - sent, MSG_NOSIGNAL);
        if (part <= 0) break;
        sent += static_cast<std::size_t>(part);
      }
    }
  });
  EXPECT_EQ(system_.ask_port("127.0.0.1", port, "srvr", 1 << 20, 60'000).value(), long_answer);
  EXPECT_EQ(system_.ask_port("127.0.0.1", port, "srvr", 1000, 60'000).error().id(), ErrorId::kUnreachable);
  server.join();
  // Accepted by the kernel, never answered.
  EXPECT_EQ(system_.ask_port("127.0.0.1", port, "srvr", 1000, 50).error().id(), ErrorId::kUnreachable);
  listener = Descriptor();
  EXPECT_EQ(system_.ask_port("127.0.0.1", port, "srvr", 1000, 1000).error().id(), ErrorId::kUnreachable);
}

TEST_F(LocalSystemTest, ANameThatCannotExistIsUnreachable) {
  const Result<bool> answer = system_.port_answers("", 1, 10);
  const Result<bool> odd = system_.port_answers(std::string(300, 'x'), 2181, 10);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().id(), ErrorId::kUnreachable);
  EXPECT_TRUE(!answer || !*answer);
}

TEST_F(LocalSystemTest, LooksUpOwnersByNameAndNumber) {
  EXPECT_EQ(system_.lookup_owner("root:root").value(), (Owner{0, 0}));
  EXPECT_EQ(system_.lookup_owner("root").value(), (Owner{0, 0}));
  EXPECT_EQ(system_.lookup_owner("root:").value(), (Owner{0, 0}));
  EXPECT_EQ(system_.lookup_owner(":0").value(), (Owner{::geteuid(), 0}));
  EXPECT_EQ(system_.lookup_owner("54321:12345").value(), (Owner{54321, 12345})) << "without an account";
  EXPECT_EQ(system_.lookup_owner("0").value(), (Owner{0, 0}));
  const passwd* nobody = ::getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  EXPECT_EQ(system_.lookup_owner("nobody").value(), (Owner{nobody->pw_uid, nobody->pw_gid}));
}

TEST_F(LocalSystemTest, RefusesOwnersThatAreNone) {
  for (const char* text : {"", ":", "no-such-user", "root:no-such-group", "54321", "4294967295:0", "-1:0",
                           "1 :2", "99999999999:1", "root:root:root"}) {
    const Result<Owner> owner = system_.lookup_owner(text);
    ASSERT_FALSE(owner) << text;
    EXPECT_EQ(owner.error().id(), ErrorId::kUsage) << text;
    EXPECT_FALSE(owner.error().hint().empty());
  }
}

}  // namespace
}  // namespace zkark::os
