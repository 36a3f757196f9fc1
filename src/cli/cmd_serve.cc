// `serve`: a ZooKeeper server over a data directory of Apache's own zoo.cfg, or over a point of anything that
// zkark reads.
#include <fmt/format.h>

#include "src/cli/app.h"
#include "src/cli/context.h"
#include "src/cli/loop_handle.h"
#include "src/cli/service_notices.h"
#include "src/cli/show_findings.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/cli/zoo_cfg_arg.h"
#include "src/server/boot.h"
#include "src/server/server.h"
#include "src/server/settings_reader.h"

namespace zkark::cli {
namespace {

struct Options : StateOptions {
  std::vector<std::string> define;
  std::optional<net::Endpoint> listen;
  std::optional<std::string> log_file;
  bool read_only = false, scratch = false;
};

constexpr std::uint64_t kCfgMaxBytes = 1 << 20;
constexpr std::uint16_t kDefaultPort = 2181;

/// HOST:PORT, :PORT, PORT or [V6]:PORT; a host may be a name.
Result<net::Endpoint> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::string_view host = colon == std::string_view::npos ? std::string_view() : text.substr(0, colon);
  const std::string_view port = colon == std::string_view::npos ? text : text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const Result<std::int64_t> number = parse_number(port, 0, 65535);
  if (!number)
    return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no address to listen on", text))
                    .with_hint("give HOST:PORT, such as 127.0.0.1:2182, or a port alone for every address"));
  return net::Endpoint{std::string(host), static_cast<std::uint16_t>(*number)};
}

/// What is served, and how.
struct Service {
  server::Settings settings;
  restore::State state;
  server::DataPlaces places;  // the version-2 directories
  std::string what;           // "kafka-prod at 0x30001f003 (2026-11-20 14:00:00Z)"
  std::unique_ptr<TemporaryDir> scratch;
  std::vector<std::string> told = {};  // on the way here, and belongs into the log
  server::StartupTimes times = {};
};

// ---- zoo.cfg

Result<server::PropertyMap> properties_of(Context& context, const Options& options) {
  server::PropertyMap properties;
  for (const std::string_view name : {"SERVER_JVMFLAGS", "JVMFLAGS"})
    if (const auto at = context.variables.find(std::string(name)); at != context.variables.end())
      ZK_TRY_STATUS(server::add_jvm_flags(properties, at->second, name));
  for (const std::string& definition : options.define)
    ZK_TRY_STATUS(server::define_property(properties, definition, "the command line"));
  return properties;
}

void tell_remarks(Output& output, const std::vector<CfgRemark>& remarks, const std::string& file) {
  for (const CfgRemark& remark : remarks) {
    std::string text = remark.line != 0 ? fmt::format("{}, line {}: ", file, remark.line) : "";
    if (!remark.key.empty()) text += remark.key + ": ";
    text += remark.message;
    if (!remark.hint.empty()) text += "; " + remark.hint;
    if (remark.kind == CfgRemark::Kind::kNote)
      output.detail(text);
    else
      output.warn(text);
  }
}

std::optional<std::int64_t> read_my_id(Context& context, const std::string& data_dir) {
  const auto text = read_file(context.fs, join_path(data_dir, "myid"), 64);
  if (!text) return std::nullopt;
  const Result<std::int64_t> id = parse_number(java_trim(*text), 0, INT64_MAX);
  return id ? std::optional(*id) : std::nullopt;
}

Result<Service> from_zoo_cfg(Context& context, const Options& options, ZooCfg cfg) {
  ZK_TRY(const server::PropertyMap properties, properties_of(context, options));
  server::SettingsContext around;
  std::optional<ZooCfg> dynamic;
  if (const auto path = cfg.dynamic_config_file()) {
    ZK_TRY(dynamic, read_zoo_cfg(context, *path));
    around.dynamic = &*dynamic;
  }
  if (const auto dir = cfg.get("dataDir")) around.my_id = read_my_id(context, *dir);
  server::SettingsReading judged = server::judge_settings(cfg, properties, around);
  std::vector<CfgRemark> told;
  for (const CfgRemark& remark : judged.remarks)
    if (remark.kind != CfgRemark::Kind::kRefused) told.push_back(remark);
  tell_remarks(context.output, told, cfg.file());
  ZK_TRY(server::SettingsReading reading, server::read_settings(cfg, properties, around));
  Service service{std::move(reading.settings), restore::initial_state(), {}, {}, nullptr};
  if (options.listen) {
    service.settings.client_host = options.listen->ip;
    service.settings.client_port = options.listen->port;
  }
  context.job.progress.phase = "loading";
  ZK_TRY(server::Booted booted, server::boot(context.fs, context.clock, context.system, service.settings,
                                             context.job, [&](const restore::Finding& cut) {
                                               service.told.push_back(error_of(cut).to_string());
                                               context.output.warn(service.told.back());
                                             }));
  for (const restore::Finding& finding : booted.findings) {
    if (finding.severity == restore::Severity::kNote)
      context.output.detail(error_of(finding).to_string());
    else
      context.output.warn(error_of(finding).to_string());
  }
  service.state = std::move(booted.state);
  service.times = booted.times;
  service.places = {.snapshots = booted.snapshot_dir, .logs = booted.log_dir};
  service.what = fmt::format("{} at {}", service.settings.data_dir, zxid_text(service.state.last_zxid));
  return service;
}

// ---- a point

Result<Service> from_point(Context& context, const Options& options) {
  const std::int64_t start_ns = context.clock.monotonic().ns;
  ZK_TRY(StateAt at, load_state_at(context, options));
  Service service{{}, std::move(at.state), {}, {}, nullptr};
  service.times.all_ms = (context.clock.monotonic().ns - start_ns) / 1'000'000;
  server::Settings& settings = service.settings;
  settings.tick_ms = 2000;
  settings.min_session_timeout_ms = 4000, settings.max_session_timeout_ms = 40'000;
  settings.extended_types = true;
  settings.four_letter_words = {"cons", "dump", "envi", "isro", "mntr", "ruok",
                                "srvr", "stat", "wchc", "wchp", "wchs"};
  settings.client_host = "127.0.0.1";
  settings.client_port = kDefaultPort;
  if (options.listen) settings.client_host = options.listen->ip, settings.client_port = options.listen->port;
  service.what = fmt::format("{} at {}", at.opened.source->description(), zxid_text(at.target.zxid));
  if (at.target.record) service.what += fmt::format(" ({})", human_time(WallTime{at.target.record->time_ms}));
  if (!options.scratch) {
    settings.read_only = true;
    return service;
  }
  ZK_TRY(service.scratch, make_temporary_dir(context, "zkark-scratch-"));
  service.places = {.snapshots = service.scratch->path(), .logs = service.scratch->path()};
  settings.force_sync = false;
  settings.pre_alloc_bytes = 0;
  settings.keeps_nothing = true;
  return service;
}

// ---- running

Status serve(Context& context, Service service, const Options& options) {
  ZK_TRY(const std::unique_ptr<Log> log, context.make_log(options.log_file.value_or("")));
  if (options.log_file)
    for (const std::string& line : service.told) log->warn(line);
  const std::unique_ptr<LoopHandle> handle = context.make_loop();
  if (!handle->look_before_sleeping(service.settings.busy_poll_us))
    log->info("zkark.busyPollMicros is of no use here: this process may keep less than two processors busy");
  std::unique_ptr<Worker> log_worker = handle->make_worker("log");
  const std::unique_ptr<Worker> snapshot_worker = handle->make_worker("snapshots");
  const bool read_only = service.settings.read_only;
  const std::uint64_t nodes = service.state.tree.size(), bytes = service.state.tree.data_bytes();
  std::optional<Error> failure;
  server::Server server({context.fs, context.clock, handle->loop(), handle->transport(), *log, *log_worker,
                         *snapshot_worker, context.random, handle->process_facts()},
                        std::move(service.settings), std::move(service.state), service.places);
  // Its tasks use the server: they end before it does, however this function is left. Those of the other one
  // do not, and the server hands it a last one when it goes.
  struct EndWorker {
    std::unique_ptr<Worker>& worker;
    ~EndWorker() { worker.reset(); }
  } end_worker{log_worker};
  server.on_failure([&](const Error& error) {
    failure = error.clone();
    handle->stop();
  });
  server.note_startup(service.times);
  ZK_TRY_STATUS(server.start());
  context.job.progress.phase = nullptr;
  const std::string status =
      fmt::format("serving {}{} on {}, {} znodes, {}", service.what,
                  read_only         ? ", read-only"
                  : options.scratch ? ", writable, kept nowhere"
                                    : "",
                  net::to_string(server.client_address()), human_count(nodes), human_size(bytes));
  context.output.note(status + ". Ctrl-C stops.");
  ServiceNotices notices(context, *handle);
  notices.ready(status);
  ZK_TRY_STATUS(handle->run());
  if (!failure) {
    // Asked to stop: what is on its way is finished.
    notices.stopping();
    server.stop([&] { handle->stop(); });
    ZK_TRY_STATUS(handle->run());
  }
  if (!failure) return {};
  notices.failed(*failure);
  return fail(std::move(*failure));
}

/// By what it sets; a file of that name is meant to be one even where dataDir is misspelt.
Result<bool> is_zoo_cfg(Context& context, const std::string& path) {
  const Result<FileInfo> info = context.fs.info(path);
  if (!info || info->type != FileType::kFile || info->size_bytes > kCfgMaxBytes) return false;
  if (path.ends_with(".cfg")) return true;
  ZK_TRY(const std::string text, read_file(context.fs, path, kCfgMaxBytes));
  return looks_like_zoo_cfg(as_bytes(text));
}

Status run(Context& context, const Options& options) {
  if (options.read_only && options.scratch)
    return fail(Error(ErrorId::kUsage, "--read-only and --scratch exclude each other"));
  if (options.source && !options.read_only && !options.scratch) {
    ZK_TRY(const bool configured, is_zoo_cfg(context, *options.source));
    if (configured) {
      ZK_TRY(ZooCfg cfg, read_zoo_cfg(context, *options.source));
      Result<Service> service = from_zoo_cfg(context, options, std::move(cfg));
      if (!service) return fail(as_configuration(std::move(service).error()));
      return serve(context, *std::move(service), options);
    }
  }
  if (!options.define.empty())
    return fail(Error(ErrorId::kUsage, "-D sets properties of a server that a zoo.cfg describes")
                    .with_hint("give a zoo.cfg, without --read-only and --scratch"));
  ZK_TRY(Service service, from_point(context, options));
  return serve(context, std::move(service), options);
}

}  // namespace

Verb serve_verb() {
  VerbBuilder<Options> verb({
      .name = "serve",
      .group = Group::kServer,
      .summary = "run a ZooKeeper server from a zoo.cfg, or over a point",
      .description = "With a zoo.cfg of Apache ZooKeeper it is that standalone server: the same data "
                     "directory, the same "
                     "files, the same port. A server that configures an ensemble is refused. Every write is "
                     "on disk before "
                     "it is answered. Where the directory is damaged it does not start, and says where and "
                     "what to do.\n\n"
                     "With anything else that zkark reads (a data directory, a tarball, a point of a "
                     "repository) it serves "
                     "that point: read-only, every write is refused and nothing expires; with --scratch "
                     "writes are taken "
                     "and forgotten at the end. The source is never changed.\n\n"
                     "Clients of Apache ZooKeeper connect as they are. It runs in the foreground until "
                     "SIGTERM or Ctrl-C; "
                     "log lines go to stderr, or to --log-file, which is rotated.",
      .examples = {{"zkark serve /etc/zookeeper/conf/zoo.cfg", "in place of Apache ZooKeeper"},
                   {"zkark serve -Dzookeeper.snapCount=10000 zoo.cfg", "with a system property"},
                   {"zkark serve /var/lib/zookeeper --listen 127.0.0.1:2182",
                    "look at a directory with zkCli"},
                   {"zkark serve /var/lib/zookeeper --at 'yesterday 14:00' --scratch --listen 2182",
                    "rehearse on what was there then"}},
      .exit_codes = {3, 5, 6, 7, 9},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
      .changes_state = true,
  });
  verb.argument("SRC", static_cast<std::optional<std::string> Options::*>(&StateOptions::source),
                "zoo.cfg, or what to serve a point of; the repository of -r if left out")
      .completes(Completes::kSource);
  verb.parsed("listen", "ADDRESS", &Options::listen, parse_listen,
              "where clients connect: HOST:PORT, or a port on every address");
  verb.flag("read-only", &Options::read_only, "refuse writes; the default unless SRC is a zoo.cfg");
  verb.flag("scratch", &Options::scratch, "take writes, keep them nowhere");
  verb.text("define", 'D', "NAME=VALUE", &Options::define, "set a Java system property, as java -D does");
  verb.text("log-file", "FILE", &Options::log_file, "where log lines go, in place of stderr")
      .completes(Completes::kFile);
  verb.text("log-dir", "DIR", static_cast<std::optional<std::string> Options::*>(&StateOptions::log_dir),
            "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("at", "POINT", static_cast<std::optional<std::string> Options::*>(&StateOptions::at),
            "serve the tree as it was then; the newest if left out")
      .completes(Completes::kPoint);
  verb.text("timeline", "ID", static_cast<std::optional<std::string> Options::*>(&StateOptions::timeline),
            "look for that point on this timeline of the repository only");
  verb.flag("exclusive", static_cast<bool Options::*>(&StateOptions::exclusive), "just before that point");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
