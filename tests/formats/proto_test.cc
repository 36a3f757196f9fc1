#include "formats/proto.h"

#include <gtest/gtest.h>

namespace zkark {
namespace {

/// java.util.Random as its documentation defines it.
class JavaRandom {
 public:
  explicit JavaRandom(std::int64_t seed)
      : seed_((static_cast<std::uint64_t>(seed) ^ 0x5DEECE66DULL) & kMask) {}
  std::int32_t next_int() {
    seed_ = (seed_ * 0x5DEECE66DULL + 0xBULL) & kMask;
    return static_cast<std::int32_t>(seed_ >> 16);
  }
  std::string next_bytes(int count) {
    std::string bytes;
    while (static_cast<int>(bytes.size()) < count) {
      std::int32_t word = next_int();
      for (int n = 4; n-- > 0 && static_cast<int>(bytes.size()) < count; word >>= 8)
        bytes += static_cast<char>(word);
    }
    return bytes;
  }

 private:
  static constexpr std::uint64_t kMask = (1ULL << 48) - 1;
  std::uint64_t seed_;
};

TEST(SessionPassword, IsTheOneThatARealServerGave) {
  const Password password = session_password(0x01000015443b0000);
  EXPECT_EQ(as_text(Bytes(password)), "\x27\x83\xfe\x3c\x28\x13\xbc\x28\xdd\xe3\x2a\x52\xb1\xdb\x59\xd0");
}

TEST(SessionPassword, IsThatOfJavasRandomForEveryId) {
  std::uint64_t id = 1;
  for (int i = 0; i < 2000; ++i, id = id * 0x9e3779b97f4a7c15ULL + 12345) {
    const auto session = static_cast<std::int64_t>(id);
    const Password password = session_password(session);
    ASSERT_EQ(as_text(Bytes(password)), JavaRandom(session ^ 0xB3415C00LL).next_bytes(16)) << session;
  }
}

}  // namespace
}  // namespace zkark
