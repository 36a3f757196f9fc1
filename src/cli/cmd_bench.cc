// `bench`: how many operations a second, and how long each takes, of any ZooKeeper server.
#include <fmt/format.h>

#include <cmath>

#include "formats/proto.h"
#include "src/cli/context.h"
#include "src/cli/live_members.h"
#include "src/cli/loop_handle.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/client/bench.h"

namespace zkark::cli {
namespace {

using client::BenchResult;
using client::Workload;

struct Options {
  std::string hosts;
  Workload workload = Workload::kMixed;
  std::int64_t connections = 8, in_flight = 32, keys = 1'000, read_percent = 90;
  std::uint64_t value_bytes = 128;
  std::int64_t duration_ms = 10'000, timeout_ms = 10'000;
  std::optional<std::int64_t> requests;
  std::optional<std::string> path;
  std::int64_t seed = 1;
};

constexpr std::uint64_t kMaxValueBytes = 1'000'000;  // jute.maxbuffer's default, less what stands around it

std::string_view name_of(Workload workload) {
  switch (workload) {
    case Workload::kReads:
      return "reads";
    case Workload::kWrites:
      return "writes";
    case Workload::kCreates:
      return "creates";
    case Workload::kMixed:
      return "mixed";
    case Workload::kWatches:
      return "watches";
    case Workload::kSessions:
      return "sessions";
  }
  ZK_CHECK(false);
}

/// Requests on their way, all connections together: each is kept until its reply comes.
constexpr std::int64_t kMaxInFlight = 1'000'000;

Cell microseconds(double ns) { return Cell::real_number(std::round(ns / 100) / 10); }
Cell microseconds(std::int64_t ns) { return microseconds(static_cast<double>(ns)); }

Result<client::BenchOptions> engine_options(Context& context, const Options& options) {
  client::BenchOptions made;
  ZK_TRY(const std::vector<ClientAddress> hosts, parse_hosts(options.hosts));
  if (options.value_bytes > kMaxValueBytes)
    return fail(
        Error(ErrorId::kUsage, fmt::format("--size {} is more than a packet holds", options.value_bytes))
            .with_hint(fmt::format("give {} bytes at most", kMaxValueBytes)));
  if (options.workload != Workload::kSessions && options.connections * options.in_flight > kMaxInFlight)
    return fail(
        Error(ErrorId::kUsage,
              fmt::format("{} connections with {} requests in flight on each are {}", options.connections,
                          options.in_flight, options.connections * options.in_flight))
            .with_hint(fmt::format("{} in all at most: fewer --connections, or --in-flight", kMaxInFlight)));
  for (const ClientAddress& host : hosts) made.servers.push_back({host.host, host.port});
  made.workload = options.workload;
  made.connections = static_cast<std::uint32_t>(options.connections);
  made.in_flight =
      static_cast<std::uint32_t>(options.workload == Workload::kSessions ? 1 : options.in_flight);
  made.value_bytes = options.value_bytes;
  made.keys = static_cast<std::uint32_t>(options.keys);
  made.read_percent = static_cast<std::uint32_t>(options.read_percent);
  made.duration_ms = options.duration_ms;
  if (options.requests) made.requests = static_cast<std::uint64_t>(*options.requests);
  made.seed = static_cast<std::uint64_t>(options.seed);
  made.session.session_timeout_ms = static_cast<std::int32_t>(options.timeout_ms);
  if (options.path) {
    if (*options.path == "/" || !valid_request_path(*options.path))
      return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no path of a node to make", *options.path))
                      .with_hint("--path takes an absolute path whose parent exists, such as /zkark-bench"));
    made.path = *options.path;
  } else {
    std::array<std::byte, 4> bytes{};
    context.random.fill(bytes);
    made.path = "/zkark-bench-";
    for (const std::byte b : bytes) made.path += fmt::format("{:02x}", static_cast<unsigned>(b));
  }
  return made;
}

Report report_of(const Options& options, const client::BenchOptions& engine, const BenchResult& result) {
  Report report("bench");
  report.list_of_rows();  // for CSV: what a series of runs is compared by
  const double seconds = static_cast<double>(result.elapsed_ns) / 1e9;
  report.field("workload", "workload", Cell::string(name_of(options.workload)));
  report.field("connections", "connections", Cell::count(engine.connections));
  report.field("in_flight", "in flight on each", Cell::count(engine.in_flight));
  if (options.workload != Workload::kSessions)
    report.field("value_bytes", "value", Cell::size(engine.value_bytes));
  report.field("elapsed_ms", "took", Cell::duration_ms(result.elapsed_ns / 1'000'000));
  Table& table = report.table("operations", {{"operation", "OPERATION"},
                                             {"done", "DONE"},
                                             {"per_second", "PER SECOND"},
                                             {"mean_us", "MEAN us"},
                                             {"p50_us", "P50 us"},
                                             {"p90_us", "P90 us"},
                                             {"p99_us", "P99 us"},
                                             {"p999_us", "P99.9 us"},
                                             {"max_us", "MAX us"},
                                             {"failed", "FAILED"}});
  for (const client::BenchOperation& one : result.operations) {
    const client::Histogram& latency = one.latency;
    const double per_second = seconds > 0 ? static_cast<double>(latency.count()) / seconds : 0;
    table.row({Cell::string(one.name), Cell::count(latency.count()),
               Cell::count(static_cast<std::uint64_t>(std::llround(per_second))),
               microseconds(latency.mean_ns()), microseconds(latency.percentile_ns(50)),
               microseconds(latency.percentile_ns(90)), microseconds(latency.percentile_ns(99)),
               microseconds(latency.percentile_ns(99.9)), microseconds(latency.max_ns()),
               Cell::count(one.failed)});
  }
  if (!result.failures.empty()) {
    Table& failures = report.table("failures", {{"why", "FAILED BECAUSE"}, {"count", "TIMES"}});
    for (const auto& [why, count] : result.failures) failures.row({Cell::string(why), Cell::count(count)});
  }
  return report;
}

/// Until the bench is done, or was asked to stop: then it ends the load and cleans up, which a second request
/// to stop does not wait for.
Result<BenchResult> load(Context& context, const client::BenchOptions& options, Status& outcome) {
  const std::unique_ptr<LoopHandle> handle = context.make_loop();
  std::optional<Status> ended;
  client::Bench bench(handle->loop(), handle->transport(), context.clock, options, [&](Status status) {
    ended = std::move(status);
    handle->stop();
  });
  ZK_TRY_STATUS(handle->run());
  if (!ended) {
    context.output.note("stopping: the nodes of the load are removed");
    bench.interrupt();
    ZK_TRY_STATUS(handle->run());
  }
  outcome = ended ? std::move(*ended) : fail(ErrorId::kCancelled, "interrupted");
  return bench.result();
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const client::BenchOptions engine, engine_options(context, options));
  context.job.progress.phase = nullptr;
  context.output.note(
      fmt::format("loading {} with {} for {}; everything is made below {} and removed at the end",
                  client::to_string(engine.servers.front()), name_of(options.workload),
                  options.requests ? fmt::format("{} operations", human_count(*engine.requests))
                                   : human_duration_ms(engine.duration_ms),
                  engine.path));
  Status outcome;
  ZK_TRY(const BenchResult result, load(context, engine, outcome));
  if (result.done() + result.failed() != 0 || outcome)
    context.output.print(report_of(options, engine, result));
  if (result.left_behind)
    context.output.warn(
        fmt::format("{} could not be removed; remove it with zkCli's deleteall", engine.path));
  if (result.failed() != 0) context.output.exit().add(3);
  return outcome;
}

}  // namespace

Verb bench_verb() {
  VerbBuilder<Options> verb({
      .name = "bench",
      .group = Group::kServer,
      .summary = "put a load on a ZooKeeper server, and measure",
      .description =
          "Connections are opened to the servers in turn, and each keeps so many operations in flight. What "
          "comes out is how many were done a second, and how long they took from the client's side, by "
          "percentile. Any ZooKeeper server will do.\n\n"
          "Everything is made below one new node and removed at the end, also after Ctrl-C. A server that "
          "others use feels it: the load takes what it gets. The client takes processor time of its own; on "
          "the server's machine the two share it.\n\n"
          "Percentiles are exact to 1.6 %. Time runs from when the answer before it was taken, so that an "
          "operation's time includes its wait to be sent.",
      .examples = {{"zkark bench zk1:2181", "nine reads to one write, for ten seconds"},
                   {"zkark bench zk1,zk2,zk3 --workload writes --duration 60s", "over three servers"},
                   {"zkark bench 127.0.0.1:2181 --workload writes --connections 1 --in-flight 1",
                    "how long a single write takes"}},
      .exit_codes = {3, 5, 7, 8},
      .uses = kUsesNothing,
      .changes_state = true,
  });
  verb.argument("HOSTS", &Options::hosts, "HOST[:PORT],…; 2181 where no port is given").required();
  verb.choice("workload", 'w', "WHAT", &Options::workload,
              {{"reads", Workload::kReads, "getData of random keys"},
               {"writes", Workload::kWrites, "setData of random keys"},
               {"creates", Workload::kCreates, "create of new nodes"},
               {"mixed", Workload::kMixed, "getData and setData"},
               {"watches", Workload::kWatches, "from a write to the event on another connection"},
               {"sessions", Workload::kSessions, "connect, open a session, close it"}},
              "what the load consists of");
  verb.number("connections", "COUNT", &Options::connections, 1, 100'000, "sessions at a time");
  verb.number("in-flight", "COUNT", &Options::in_flight, 1, 100'000,
              "operations of each that wait for their answers");
  verb.size("size", &Options::value_bytes, "of each value").default_is("128");
  verb.number("keys", "COUNT", &Options::keys, 1, 10'000'000, "nodes that are read and written");
  verb.number("read-percent", "PERCENT", &Options::read_percent, 0, 100, "reads of the mixed workload");
  verb.duration("duration", &Options::duration_ms, "how long the load lasts").default_is("10s");
  verb.number("requests", "COUNT", &Options::requests, 1, INT64_MAX, "end after so many operations");
  verb.text("path", "PATH", &Options::path,
            "the node that is made and removed; a new one below / if left out");
  verb.duration("timeout", &Options::timeout_ms, "session timeout to ask for").default_is("10s");
  verb.number("seed", "NUMBER", &Options::seed, 1, INT64_MAX, "of the choice of keys");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
