#include "src/os/processors.h"

#include <gtest/gtest.h>

#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace zkark::os {
namespace {

namespace files = std::filesystem;

struct Processors : testing::Test {
  void put(const std::string& path, const std::string& text) {
    files::create_directories(files::path(root + path).parent_path());
    std::ofstream(root + path) << text;
  }
  Processors() { EXPECT_NE(::mkdtemp(root.data()), nullptr); }
  ~Processors() override { files::remove_all(root); }
  std::string root = files::temp_directory_path() / "zkark-processors-XXXXXX";
  const double all = usable_processors("/nowhere");
};

TEST_F(Processors, WithoutAQuotaAllThatTheProcessMayRunOn) {
  EXPECT_GE(all, 1);
  put("/proc/self/cgroup", "0::/user.slice\n");
  put("/sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  EXPECT_EQ(usable_processors(root), all);
}

TEST_F(Processors, TheLowestQuotaAboveAProcessCounts) {
  put("/proc/self/cgroup", "0::/system.slice/zkark.service\n");
  put("/sys/fs/cgroup/system.slice/cpu.max", "50000 100000\n");
  put("/sys/fs/cgroup/system.slice/zkark.service/cpu.max", "75000 100000\n");
  EXPECT_EQ(usable_processors(root), 0.5);
}

TEST_F(Processors, InAContainerTheTopIsItsOwn) {
  put("/proc/self/cgroup", "0::/../../docker/1f2e\n");
  put("/sys/fs/cgroup/cpu.max", "25000 100000\n");
  EXPECT_EQ(usable_processors(root), 0.25);
}

TEST_F(Processors, VersionOneHasTwoFiles) {
  put("/proc/self/cgroup", "5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n");
  put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(usable_processors(root), all);
  put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "40000\n");
  EXPECT_EQ(usable_processors(root), 0.4);
}

TEST_F(Processors, WhatMakesNoSenseIsNoQuota) {
  for (const char* text : {"", "x y\n", "0 100000\n", "100000\n", "100000 0\n"}) {
    put("/proc/self/cgroup", "0::/\nnonsense\n");
    put("/sys/fs/cgroup/cpu.max", text);
    EXPECT_EQ(usable_processors(root), all) << text;
  }
}

}  // namespace
}  // namespace zkark::os
