#include "src/cli/progress.h"

#include <gtest/gtest.h>

#include "tests/cli/fake_console.h"
#include "tests/support/sim_clock.h"

namespace zkark::cli {
namespace {

struct Fixture {
  test::FakeConsole console;
  test::SimClock clock;
  Job job;
  OutputOptions options;

  void at(std::uint64_t done, std::uint64_t total, const char* phase = "reading") {
    job.progress.phase = phase;
    job.progress.done = done;
    job.progress.total = total;
  }
};

TEST(Progress, OnATerminalOneLineIsDrawnOver) {
  Fixture f;
  f.console.err_tty = true;
  f.console.width = 100;
  Output output(f.console, f.options);
  ProgressView view(f.job, f.clock, output, true);
  f.at(0, 100 << 20);
  view.tick();
  EXPECT_EQ(f.console.err, "") << "quick work draws nothing";
  f.clock.advance_ms(2000);
  f.at(50 << 20, 100 << 20);
  view.tick();
  EXPECT_EQ(f.console.err,
            "\r\x1b[K[############            ] reading  50%  50.0 MiB/100.0 MiB  25.0 MiB/s  ETA 0:02");
  f.console.err.clear();
  output.note("something");
  EXPECT_EQ(f.console.err, "\r\x1b[Ksomething\n") << "a message wipes the line first";
}

TEST(Progress, ElsewhereALineEveryTenSeconds) {
  Fixture f;
  Output output(f.console, f.options);
  ProgressView view(f.job, f.clock, output, true);
  f.at(10 << 20, 0);
  for (int i = 0; i < 205; ++i) {
    view.tick();
    f.clock.advance_ms(100);
  }
  EXPECT_EQ(f.console.err, "reading  10.0 MiB  1.0 MiB/s\nreading  10.0 MiB  512.0 KiB/s\n");
}

TEST(Progress, NothingIsShownWhileNothingIsDone) {
  Fixture f;
  f.console.err_tty = true;
  f.console.width = 100;
  Output output(f.console, f.options);
  ProgressView view(f.job, f.clock, output, true);
  f.at(5, 10);
  f.clock.advance_ms(2000);
  view.tick();
  EXPECT_NE(f.console.err, "");
  f.console.err.clear();
  f.at(5, 10, nullptr);
  view.tick();
  EXPECT_EQ(f.console.err, "\r\x1b[K") << "the line goes";
  f.console.err.clear();
  f.clock.advance_ms(60'000);
  view.tick();
  EXPECT_EQ(f.console.err, "");
  view.status();
  EXPECT_NE(f.console.err.find("waiting"), std::string::npos) << f.console.err;
}

TEST(Progress, WithJsonAnEvent) {
  Fixture f;
  f.console.err_tty = true;
  f.options.format = Format::kJson;
  Output output(f.console, f.options);
  ProgressView view(f.job, f.clock, output, true);
  f.at(10'000, 20'000);
  view.tick();
  f.clock.advance_ms(10'000);
  view.tick();
  EXPECT_EQ(f.console.err,
            "{\"schema\":\"zkark.event/"
            "1\",\"event\":\"progress\",\"phase\":\"reading\",\"done_bytes\":10000,\"total_bytes\":20000,"
            "\"seconds\":10,\"bytes_per_second\":1000}\n");
}

TEST(Progress, NotShownStillAnswersASignal) {
  Fixture f;
  Output output(f.console, f.options);
  ProgressView view(f.job, f.clock, output, false);
  f.at(5, 10);
  f.clock.advance_ms(60'000);
  view.tick();
  EXPECT_EQ(f.console.err, "");
  view.status();
  EXPECT_EQ(f.console.err.rfind("reading  50%  5 B/10 B", 0), 0u) << f.console.err;
}

TEST(Progress, MoreDoneThanThereShouldBeBreaksNothing) {
  Fixture f;
  f.console.err_tty = true;
  f.console.width = 100;
  Output output(f.console, f.options);
  ProgressView view(f.job, f.clock, output, true);
  f.clock.advance_ms(1000);
  f.at(UINT64_MAX, 1);
  view.tick();
  EXPECT_NE(f.console.err.find("100%"), std::string::npos) << f.console.err;
}

}  // namespace
}  // namespace zkark::cli
