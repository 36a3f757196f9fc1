#include "tests/cli/command_lab.h"

#include <gtest/gtest.h>

#include "restore/base_choice.h"
#include "src/backup/backend/local.h"
#include "src/backup/check.h"
#include "src/backup/compact.h"
#include "src/backup/source.h"
#include "src/cli/app.h"
#include "src/cli/verb.h"
#include "tests/backup/take/sim_member.h"
#include "tests/support/inline_executor.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_random.h"
#include "tests/support/sim_system.h"

namespace zkark::test {
namespace {

constexpr std::int64_t kMtimeNs = 1'790'000'000'000'000'000;

/// Lends an executor that lives on.
class Borrowed final : public Executor {
 public:
  explicit Borrowed(Executor& executor) : executor_(executor) {}
  Status run_all(std::span<const std::function<Status()>> tasks) override { return executor_.run_all(tasks); }
  unsigned width() const override { return executor_.width(); }

 private:
  Executor& executor_;
};

struct Looker {
  Looker(CommandLab& lab, const std::string& root, std::uint64_t seed)
      : clock(lab.clock), random(seed), backend(lab.fs, random, root, root) {
    system.own_pid = static_cast<std::uint32_t>(1000 + seed);
  }
  backup::RepositoryEnvironment env() {
    return {backend, clock, random, executor, system, "0.1.0", nullptr, {}};
  }
  SimClock& clock;
  SimRandom random;
  SimSystem system;
  InlineExecutor executor;
  backup::LocalBackend backend;
};

Status look(CommandLab& lab, const std::string& root, Holdings& found) {
  Looker looker(lab, root, 900);
  Job job;
  ZK_TRY(const backup::CheckReport report, backup::check_repository(looker.env(), {}, job));
  for (const backup::CheckFinding& one : report.findings)
    if (one.finding.severity == restore::Severity::kDamage)
      found.flaw += one.finding.file + ": " + one.finding.message + "\n";
  ZK_TRY(const auto repository, backup::Repository::open(looker.env(), {}));
  for (const backup::HeadEntry& entry : repository->entries()) {
    ZK_TRY(const auto source, backup::open_backup(*repository, entry.id, "repo"));
    const std::vector<backup::Window> windows = backup::windows_of(source->manifests());
    if (windows.empty()) return fail(ErrorId::kInternal, "a backup that gives nothing back: " + entry.id);
    const std::int64_t point = windows.back().last_zxid;
    ZK_TRY(const restore::SourceListing listing, source->list());
    restore::Findings findings;
    ZK_TRY(const restore::Rebuilt rebuilt, restore::rebuild(*source, listing, point, findings, job));
    found.backups[entry.id] = {point, hash_of(rebuilt.replay.state)};
    found.points.insert(found.backups[entry.id]);
    for (const auto& [key, value] : entry.tags) found.tags.insert(key + "=" + value);
  }
  return {};
}

void with_first(CommandLab& lab) {
  lab.must({"init", "-r", "/repo"}, 1);
  lab.must({"backup", "/first", "-r", "/repo"}, 2);
  lab.advance_ms(3'600'000);
}

void with_both(CommandLab& lab) {
  with_first(lab);
  lab.must({"backup", "/data", "-r", "/repo"}, 3);
  lab.advance_ms(3'600'000);
}

void with_three(CommandLab& lab) {
  with_both(lab);
  lab.must({"backup", "/data", "--type", "full", "-r", "/repo"}, 4);
  lab.advance_ms(48 * 3'600'000);
}

/// What a server does not start on, and nothing is lost of.
void without_snapshots(CommandLab& lab) {
  with_first(lab);
  for (const std::string& file : lab.fs.files("/first/version-2"))
    if (file.find("/snapshot.") != file.npos) lab.fs.erase(file);
}

}  // namespace

CommandLab::CommandLab() {
  for (const char* to : {"/first", "/data"}) {
    load_dir(fs, "fixtures/zk-3.8.0-standalone", to);
    for (const std::string& file : fs.files(to)) fs.put_mtime(file, kMtimeNs);
  }
  for (const char* later : {"log.3e", "log.4e", "snapshot.3c", "snapshot.4d"})
    fs.erase(std::string("/first/version-2/") + later);
  fs.put_dir("/srv");
}

CommandRun CommandLab::run(const std::vector<std::string>& words, std::uint64_t seed) {
  clock.set_wall({start_ms_});
  Looker own(*this, "/repo", seed);
  FakeConsole console;
  Job job;
  if (words == std::vector<std::string>{"compact"}) {
    const auto done = backup::compact(own.env(), {}, job);
    return {done ? 0 : 1, "", done ? "" : done.error().to_string()};
  }
  cli::Environment environment{
      fs, clock, own.random, own.system, console, job, {{"HOME", "/home/op"}, {"TZ", "UTC"}}, {}, {}};
  environment.make_executor = [&](unsigned) -> std::unique_ptr<Executor> {
    return std::make_unique<Borrowed>(executor_ ? *executor_ : own.executor);
  };
  const int status = cli::run_app(environment, cli::all_verbs(), words);
  return {status, std::move(console.out), std::move(console.err)};
}

void CommandLab::must(const std::vector<std::string>& words, std::uint64_t seed) {
  const CommandRun done = run(words, seed);
  ASSERT_EQ(done.status, 0) << words[0] << "\n" << done.out << done.err;
}

Holdings CommandLab::holdings(const std::string& repository) {
  Holdings found;
  if (const Status seen = look(*this, repository, found); !seen)
    found.flaw += seen.error().to_string() + "\n";
  return found;
}

const std::vector<ProvenCommand>& writing_commands() {
  static const std::vector<ProvenCommand> commands = {
      {.name = "init", .words = {"init", "-r", "/repo"}, .prepare = [](CommandLab&) {}},
      {.name = "first backup",
       .words = {"backup", "/first", "-r", "/repo"},
       .prepare =
           [](CommandLab& lab) {
             lab.must({"init", "-r", "/repo"}, 1);
           }},
      {.name = "backup full",
       .words = {"backup", "/data", "--type", "full", "-r", "/repo"},
       .prepare = with_first},
      {.name = "backup incr", .words = {"backup", "/data", "-r", "/repo"}, .prepare = with_first},
      {.name = "prune",
       .words = {"prune", "--keep-last", "1", "--grace", "0s", "--yes", "-r", "/repo"},
       .prepare = with_three,
       .may_remove = true},
      {.name = "copy",
       .words = {"copy", "--to", "/target", "-r", "/repo"},
       .prepare =
           [](CommandLab& lab) {
             with_both(lab);
             lab.must({"init", "-r", "/target"}, 5);
           },
       .repository = "/target"},
      {.name = "tag", .words = {"tag", "latest", "why=test", "-r", "/repo"}, .prepare = with_both},
      {.name = "compact", .words = {"compact"}, .prepare = with_both},
      {.name = "restore",
       .words = {"restore", "latest", "--to", "/srv/zk", "--yes", "-r", "/repo"},
       .prepare = with_both,
       .target = "/srv/zk"},
      {.name = "convert",
       .words = {"convert", "/data", "--for", "3.5", "--to", "/srv/zk-3.5"},
       .prepare = with_first,
       .target = "/srv/zk-3.5"},
      {.name = "repair",
       .words = {"repair", "/first", "-O", "/srv/zk"},
       .prepare = without_snapshots,
       .target = "/srv/zk"},
      {.name = "salvage",
       .words = {"repair", "/first", "--salvage", "-O", "/srv/zk"},
       .prepare = without_snapshots,
       .target = "/srv/zk"},
  };
  return commands;
}

const std::vector<ProvenCommand>& reading_commands() {
  static const std::vector<ProvenCommand> commands = [] {
    std::vector<ProvenCommand> all;
    const auto add = [&](const char* name, std::vector<std::string> words, int status = 0) {
      all.push_back({.name = name, .words = std::move(words), .prepare = with_both, .status = status});
    };
    add("list", {"list", "-r", "/repo"});
    add("show", {"show", "latest", "-r", "/repo", "--json"});
    add("verify quick", {"verify", "--quick", "-r", "/repo"});
    add("verify replay", {"verify", "--replay", "-r", "/repo"});
    add("stats", {"stats", "-r", "/repo"});
    add("log", {"log", "/data"});
    add("log stat", {"log", "/data", "--stat", "--reverse", "--limit", "20", "--json"});
    add("log patch", {"log", "/data", "-p", "--path", "/app"});
    add("log follow", {"log", "/data", "-f", "-p", "--until", "zxid:0x62"});
    add("ls", {"ls", "latest", "/", "-R", "-r", "/repo"});
    add("inspect", {"inspect", "/data"});
    add("history", {"history", "/data", "/app", "-p", "--json"});
    add("blame", {"blame", "latest", "/", "-R", "-r", "/repo"});
    add("grep", {"grep", "rev", "/data"});
    add("grep history", {"grep", "rev", "/data", "--history"});
    add("tree", {"tree", "/data", "--sizes"});
    add("diff", {"diff", "/data", "--from", "zxid:0x4d", "-p"}, 4);
    add("compare", {"compare", "/first", "/data"});
    add("sessions", {"sessions", "/data", "--ephemerals"});
    add("top", {"top", "/data"});
    add("undo", {"undo", "/data", "--plan", "--path", "/app", "--back-to", "zxid:0x3d"}, 3);
    add("undo stored", {"undo", "-r", "/repo", "--plan", "--zxid", "0x58", "--json"});
    return all;
  }();
  return commands;
}

}  // namespace zkark::test
