#pragma once
// A file descriptor that closes itself, and the EINTR loop. For the files of src/os only.
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace zkark::os {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    // Not repeated on EINTR: Linux has freed the number already. No error of close() matters here: data is
    // only claimed to be stored after sync().
    if (fd_ >= 0) ::close(fd_);
  }
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// Repeats a system call while a signal interrupts it.
template <class Call>
auto retry(Call call) -> decltype(call()) {
  for (;;) {
    auto outcome = call();
    if (outcome != -1 || errno != EINTR) return outcome;
  }
}

}  // namespace zkark::os
