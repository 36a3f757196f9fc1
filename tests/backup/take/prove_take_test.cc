#include <gtest/gtest.h>
TEST(Prove, Nothing) {}
