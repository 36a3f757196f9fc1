#include "src/server/four_letter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/process_facts.h"
#include "src/server/connection.h"
#include "src/server/metrics.h"
#include "src/server/server.h"

namespace zkark::server {
namespace {

using Out = std::string;

constexpr std::string_view kNotServing = "This ZooKeeper instance is not currently serving requests\n";

template <class... Args>
void put(Out& out, fmt::format_string<Args...> text, Args&&... args) {
  fmt::format_to(std::back_inserter(out), text, std::forward<Args>(args)...);
}

/// Bytes in the files of the two directories.
struct DirSizes {
  std::uint64_t data = 0, log = 0;
};

struct Asked {
  Server& server;
  const Connection& asker;
  std::string_view rest;  // what came behind the word
  DirSizes sizes;         // for rows that want them
};

// ---- what several words say

/// Parsers want "X.Y.Z" right behind the colon: what is spoken here is the protocol of 3.8.0.
std::string version_text(const Server& server) {
  const ProcessFacts& facts = server.facts();
  return fmt::format("3.8.0-zkark-{}, built on {}", facts.version, facts.built_on);
}

std::string_view mode(const Server& server) {
  return server.settings().read_only ? "read-only" : "standalone";
}

void put_version(const Server& server, Out& out) {
  put(out, "Zookeeper version: {}\n", version_text(server));
  if (server.settings().read_only) out += "READ-ONLY mode; serving only read-only clients\n";
}

void put_stats(Server& server, Out& out) {
  const ServerStats& stats = server.stats();
  put(out, "Latency min/avg/max: {}/{}/{}\n", stats.min_latency_ms,
      java_double(rounded_mean(stats.total_latency_ms, stats.responses)), stats.max_latency_ms);
  put(out, "Received: {}\nSent: {}\nConnections: {}\nOutstanding: {}\n", stats.received, stats.sent,
      server.alive_connections(), server.outstanding());
  put(out, "Zxid: 0x{:x}\nMode: {}\nNode count: {}\n", server.last_zxid(), mode(server), node_count(server));
}

std::string address(const Connection& connection) { return "/" + net::to_string(connection.remote()); }

std::int64_t mean(std::int64_t sum, std::int64_t count) { return count == 0 ? 0 : sum / count; }

void put_connection(const Connection& connection, bool brief, Out& out) {
  const ConnectionStats& stats = connection.stats();
  put(out, " {}[{:x}](queued={},recved={},sent={}", address(connection), connection.interest(),
      connection.outstanding(), stats.received, stats.sent);
  if (const Session* session = connection.session(); session != nullptr && !brief) {
    put(out, ",sid=0x{:x},lop={},est={},to={}", session->id,
        stats.last_op == OpCode::kNotification ? "NA" : op_names(stats.last_op).brief, stats.established_ms,
        session->timeout_ms);
    if (stats.last_cxid >= 0) put(out, ",lcxid=0x{:x}", stats.last_cxid);
    put(out, ",lzxid=0x{:x},lresp={},llat={},minlat={},avglat={},maxlat={}",
        static_cast<std::uint64_t>(stats.last_zxid), stats.last_response_ms, stats.last_latency_ms,
        stats.min_latency_ms, mean(stats.total_latency_ms, stats.responses), stats.max_latency_ms);
  }
  out += ")\n";
}

void put_connections(const Server& server, bool brief, Out& out) {
  for (const auto& connection : server.connections())
    if (connection->alive()) put_connection(*connection, brief, out);
  out += '\n';
}

/// version-2 of a directory of the configuration, absolute as Apache has it.
std::string version_dir(const Server& server, const std::string& dir) {
  return join_path(join_path(server.facts().working_dir, dir), "version-2");
}

std::string data_dir(const Server& server) { return version_dir(server, server.settings().data_dir); }

std::string log_dir(const Server& server) {
  const Settings& settings = server.settings();
  return version_dir(server, settings.data_log_dir.empty() ? settings.data_dir : settings.data_log_dir);
}

/// 0 for a directory that cannot be listed, as with Apache.
std::uint64_t size_of_files(Fs& fs, const std::string& dir) {
  std::uint64_t sum = 0;
  const auto entries = fs.list(dir);
  if (!entries) return 0;
  for (const DirEntry& entry : *entries)
    if (const auto info = fs.info(join_path(dir, entry.name)); info && info->type == FileType::kFile)
      sum += info->size_bytes;
  return sum;
}

/// Deadlines are monotonic; people want the time of day.
std::string date_of_deadline(Server& server, std::int64_t deadline_ms) {
  return server.facts().date_text({server.wall_ms() + deadline_ms - server.now_ms()});
}

// ---- one function per word

void ruok(Asked&, Out& out) { out += "imok"; }

void isro(Asked& asked, Out& out) {
  if (!asked.server.serving())
    out += "null";
  else
    out += asked.server.settings().read_only ? "ro" : "rw";
}

void srvr(Asked& asked, Out& out) {
  put_version(asked.server, out);
  put_stats(asked.server, out);
}

void stat(Asked& asked, Out& out) {
  put_version(asked.server, out);
  out += "Clients:\n";
  put_connections(asked.server, true, out);
  put_stats(asked.server, out);
}

void cons(Asked& asked, Out& out) { put_connections(asked.server, false, out); }

void conf(Asked& asked, Out& out) {
  Server& server = asked.server;
  const Settings& settings = server.settings();
  put(out, "clientPort={}\nsecureClientPort=-1\n",
      settings.client_host ? int{server.client_address().port} : -1);
  put(out, "dataDir={}\ndataDirSize={}\n", data_dir(server), asked.sizes.data);
  put(out, "dataLogDir={}\ndataLogSize={}\n", log_dir(server), asked.sizes.log);
  put(out, "tickTime={}\nmaxClientCnxns={}\n", settings.tick_ms, settings.max_client_cnxns);
  put(out, "minSessionTimeout={}\nmaxSessionTimeout={}\n", settings.min_session_timeout_ms,
      settings.max_session_timeout_ms);
  // 0 is the id of every server without an ensemble; settings.server_id is that of its sessions.
  put(out, "clientPortListenBacklog={}\nserverId=0\n", settings.listen_backlog);
}

void dirs(Asked& asked, Out& out) {
  put(out, "datadir_size: {}\nlogdir_size: {}\n", asked.sizes.data, asked.sizes.log);
}

void envi(Asked& asked, Out& out) {
  const ProcessFacts& facts = asked.server.facts();
  const ProcessNumbers now = facts.numbers();
  const auto mib = [](std::int64_t bytes) { return fmt::format("{}MB", bytes >> 20); };
  const auto line = [&](std::string_view key, std::string_view value) { put(out, "{}={}\n", key, value); };
  out += "Environment:\n";
  line("zookeeper.version", version_text(asked.server));
  line("host.name", facts.host_name);
  for (std::string_view key :
       {"java.version", "java.vendor", "java.home", "java.class.path", "java.library.path"})
    line(key, "n/a (zkark)");
  line("java.io.tmpdir", facts.temp_dir);
  line("java.compiler", "n/a (zkark)");
  line("os.name", facts.os_name);
  line("os.arch", facts.os_arch == "x86_64" ? "amd64" : facts.os_arch);  // as Java calls it
  line("os.version", facts.os_version);
  line("user.name", facts.user_name);
  line("user.home", facts.user_home);
  line("user.dir", facts.working_dir);
  line("os.memory.free", mib(now.memory_available));
  line("os.memory.max", mib(now.memory_limit));
  line("os.memory.total", mib(now.memory_resident));
}

void put_sessions(Server& server, Out& out) {
  const auto& buckets = server.sessions().buckets();
  std::size_t sessions = 0;
  for (const auto& [deadline, ids] : buckets) sessions += ids.size();
  put(out, "SessionTracker dump:\nSession Sets ({})/({}):\n", buckets.size(), sessions);
  for (const auto& [deadline, ids] : buckets) {
    put(out, "{} expire at {}:\n", ids.size(), date_of_deadline(server, deadline));
    for (const std::int64_t id : ids) put(out, "\t0x{:x}\n", static_cast<std::uint64_t>(id));
  }
}

void put_ephemerals(const restore::Tree& tree, Out& out) {
  const std::vector<std::int64_t> owners = tree.ephemeral_owners();
  put(out, "ephemeral nodes dump:\nSessions with Ephemerals ({}):\n", owners.size());
  for (const std::int64_t owner : owners) {
    put(out, "0x{:x}:\n", static_cast<std::uint64_t>(owner));
    for (const std::string& path : tree.ephemerals_of(owner)) put(out, "\t{}\n", path);
  }
}

/// When each connection ends if nothing more comes: with its session, or with the time for a handshake.
void put_expiring_connections(Server& server, Out& out) {
  std::map<std::int64_t, std::vector<const Connection*>> sets;
  std::size_t connections = 0;
  for (const auto& connection : server.connections()) {
    if (!connection->alive()) continue;
    const Session* session = connection->session();
    sets[session != nullptr
             ? session->deadline_ms
             : connection->sessionless_since_ns() / 1'000'000 + server.settings().sessionless_timeout_ms]
        .push_back(connection.get());
    ++connections;
  }
  put(out, "Connections dump:\nConnections Sets ({})/({}):\n", sets.size(), connections);
  for (const auto& [deadline, set] : sets) {
    put(out, "{} expire at {}:\n", set.size(), date_of_deadline(server, deadline));
    for (const Connection* connection : set)
      put(out, "\tip: {} sessionId: 0x{:x}\n", address(*connection),
          static_cast<std::uint64_t>(connection->session() != nullptr ? connection->session_id() : 0));
  }
}

void dump(Asked& asked, Out& out) {
  put_sessions(asked.server, out);
  put_ephemerals(asked.server.state().tree, out);
  put_expiring_connections(asked.server, out);
}

std::uint64_t session_of(const Watcher& watcher) {
  return static_cast<std::uint64_t>(static_cast<const Connection&>(watcher).session_id());
}

void wchs(Asked& asked, Out& out) {
  const WatchTable& watches = asked.server.watches();
  put(out, "{} connections watching {} paths\nTotal watches:{}\n", watches.watchers(), watches.paths(),
      watches.data_watches());
}

void wchc(Asked& asked, Out& out) {
  std::map<std::uint64_t, std::vector<std::string_view>> by_session;
  asked.server.watches().for_each_data_watch([&](std::string_view path, const Watcher& watcher) {
    by_session[session_of(watcher)].push_back(path);
  });
  for (auto& [session, paths] : by_session) {
    std::sort(paths.begin(), paths.end());
    put(out, "0x{:x}\n", session);
    for (std::string_view path : paths) put(out, "\t{}\n", path);
  }
  out += '\n';
}

void wchp(Asked& asked, Out& out) {
  std::map<std::string_view, std::vector<std::uint64_t>> by_path;
  asked.server.watches().for_each_data_watch(
      [&](std::string_view path, const Watcher& watcher) { by_path[path].push_back(session_of(watcher)); });
  for (auto& [path, sessions] : by_path) {
    std::sort(sessions.begin(), sessions.end());
    put(out, "{}\n", path);
    for (const std::uint64_t session : sessions) put(out, "\t0x{:x}\n", session);
  }
  out += '\n';
}

void crst(Asked& asked, Out& out) {
  for (const auto& connection : asked.server.connections()) connection->stats().reset();
  out += "Connection stats reset.\n";
}

void srst(Asked& asked, Out& out) {
  asked.server.stats().reset();
  asked.server.metrics().reset();
  out += "Server stats reset.\n";
}

void hash(Asked& asked, Out& out) {
  if (!asked.server.serving()) {  // the only one without a line end
    out += kNotServing.substr(0, kNotServing.size() - 1);
    return;
  }
  for (const auto& [zxid, digest] : asked.server.digests())
    put(out, "{:x}: {}\n", static_cast<std::uint64_t>(zxid), static_cast<std::int64_t>(digest));
}

void gtmk(Asked& asked, Out& out) { put(out, "{}", asked.server.trace_mask()); }

void stmk(Asked& asked, Out& out) {
  asked.server.set_trace_mask(load_i64(as_bytes(asked.rest).data()));
  gtmk(asked, out);
}

/// One line per metric, as Apache's default provider prints them.
class MntrText final : public MetricVisitor {
 public:
  explicit MntrText(Out& out) : out_(out) {}
  void gauge(std::string_view name, MetricValue value) override {
    const auto* number = std::get_if<std::int64_t>(&value);
    line("", name, number != nullptr ? fmt::format("{}", *number) : java_double(std::get<double>(value)));
  }
  void counter(std::string_view name, std::int64_t value) override { line("", name, value); }
  void summary(std::string_view name, const Summary& summary) override {
    line("avg_", name, java_double(summary.mean()));
    line("min_", name, summary.min());
    line("max_", name, summary.max());
    line("cnt_", name, summary.count());
    line("sum_", name, summary.sum());
  }
  void summary(std::string_view name, const AdvancedSummary& advanced) override {
    summary(name, advanced.basic());
    line("p50_", name, advanced.percentile(0.5));
    line("p95_", name, advanced.percentile(0.95));
    line("p99_", name, advanced.percentile(0.99));
    line("p999_", name, advanced.percentile(0.999));
  }
  void summary_set(std::string_view name, const SummarySet& set) override {
    for (const auto& [key, of_key] : set.all()) summary(fmt::format("{}_{}", key, name), of_key);
  }

 private:
  template <class Value>
  void line(std::string_view prefix, std::string_view name, const Value& value) {
    put(out_, "zk_{}{}\t{}\n", prefix, name, value);
  }
  Out& out_;
};

void mntr(Asked& asked, Out& out) {
  put(out, "zk_version\t{}\nzk_server_state\t{}\n", version_text(asked.server), mode(asked.server));
  MntrText text(out);
  visit_metrics(asked.server, text);
}

// ---- one row per word

struct Word {
  std::string_view name;
  void (*answer)(Asked& asked, Out& out);
  bool always = false;  // also while the server does not serve
  bool wants_sizes = false;
};

constexpr Word kWords[] = {
    {"conf", conf, false, true},
    {"cons", cons},
    {"crst", crst},
    {"dirs", dirs, false, true},
    {"dump", dump},
    {"envi", envi, true},
    {"gtmk", gtmk, true},
    {"hash", hash, true},
    {"isro", isro, true},
    {"mntr", mntr},
    {"ruok", ruok, true},
    {"srst", srst},
    {"srvr", srvr},
    {"stat", stat},
    {"stmk", stmk, true},
    {"wchc", wchc},
    {"wchp", wchp},
    {"wchs", wchs},
};
/// What a telnet client sends at its end. It can be listed, but has no answer.
constexpr std::string_view kTelnetClose = "\xff\xf4\xff\xfd";

const Word* find_word(std::string_view name) {
  const auto* at =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const Word& word) { return word.name == name; });
  return at == std::end(kWords) ? nullptr : at;
}

bool listed(const Settings& settings, std::string_view name) {
  return settings.four_letter_words.find(name) != settings.four_letter_words.end();
}

/// The disk is asked by the thread that writes the log: between two syncs it has the time, and a disk that
/// hangs holds up these two words but not the loop.
void answer_with_sizes(Server& server, Connection& asker, const Word& word) {
  asker.add_proposal();  // it lives until it has its answer
  ServerSeams& seams = server.seams();
  seams.log_worker.run([&server, &asker, &word, &fs = seams.fs, &loop = seams.loop, data = data_dir(server),
                        log = log_dir(server)] {
    const DirSizes sizes{size_of_files(fs, data), size_of_files(fs, log)};
    loop.post([&server, &asker, &word, sizes] {
      Asked asked{server, asker, {}, sizes};
      Out out;
      word.answer(asked, out);
      asker.answer_word(out);
      server.drop_proposal(asker);
    });
  });
}

}  // namespace

std::size_t word_size(std::string_view first, const Settings& settings) {
  if (first == kTelnetClose) return listed(settings, "telnet close") ? 0 : 4;
  if (find_word(first) == nullptr) return 0;
  return first == "stmk" && listed(settings, first) ? 12 : 4;
}

void answer_word(Server& server, Connection& asker, std::string_view bytes) {
  const Word* word = find_word(bytes.substr(0, 4));
  const std::string_view name = word != nullptr ? word->name : "telnet close";
  if (!listed(server.settings(), name))
    return asker.answer_word(fmt::format("{} is not executed because it is not in the whitelist.\n", name));
  if (!word->always && !server.serving()) return asker.answer_word(kNotServing);
  if (word->wants_sizes) return answer_with_sizes(server, asker, *word);
  Asked asked{server, asker, bytes.substr(4), {}};
  Out out;
  word->answer(asked, out);
  asker.answer_word(out);
}

}  // namespace zkark::server
