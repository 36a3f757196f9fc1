// `ping`: do these servers serve, what do they say of themselves, and do they fit together?
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/live_members.h"
#include "src/cli/loop_handle.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/cli/zoo_cfg_arg.h"
#include "src/client/one_ensemble.h"

namespace zkark::cli {
namespace {

using client::EnsembleView;
using client::PingResult;
using client::PingState;

struct Options {
  std::vector<std::string> ensembles;
  std::int64_t timeout_ms = 3'000;
};

/// What one argument names.
struct Asked {
  std::string name;  // as typed
  std::vector<client::Server> servers;
};

// ---- whom to ask

/// Where a server listens on every address, its peers know it by the first of its own.
client::Server member_of(const ServerLine& line, std::uint16_t usual_port) {
  client::Server server{line.addresses.front().host, usual_port};
  if (!line.client) return server;
  server.port = line.client->port;
  if (line.client->host != "0.0.0.0" && line.client->host != "::") server.host = line.client->host;
  return server;
}

Result<std::vector<client::Server>> servers_of_cfg(Context& context, const std::string& path) {
  ZK_TRY(const ZooCfg cfg, read_zoo_cfg(context, path));
  ZK_TRY(Ensemble ensemble, cfg.ensemble());
  if (const auto dynamic = cfg.dynamic_config_file(); dynamic && ensemble.servers.empty()) {
    ZK_TRY(const ZooCfg more, read_zoo_cfg(context, resolve_config_path(*dynamic, parent_path(path))));
    ZK_TRY(ensemble, more.ensemble());
  }
  ZK_TRY(const std::optional<ClientAddress> own, cfg.client_address());
  const auto no_port = [&](std::string_view who) {
    return fail(Error(ErrorId::kUsage, fmt::format("{} has no client port without TLS", who))
                    .at(path)
                    .with_hint("give the addresses themselves: zkark ping HOST:PORT,…"));
  };
  std::vector<client::Server> servers;
  for (const ServerLine& line : ensemble.servers) {
    if (!line.client && !own) return no_port(fmt::format("server.{}", line.id));
    servers.push_back(member_of(line, own ? own->port : 0));
  }
  if (!servers.empty()) return servers;
  if (!own) return no_port("it");
  const bool any = own->host.empty() || own->host == "0.0.0.0" || own->host == "::";
  servers.push_back({any ? "127.0.0.1" : own->host, own->port});
  return servers;
}

/// A connect string may end with the path that an application calls its root: zk1:2181,zk2:2181/kafka.
std::string_view without_root(std::string_view text) {
  const std::string_view hosts = text.substr(0, text.find('/'));
  return hosts.find_first_of(":,") != hosts.npos ? hosts : text;
}

Result<std::vector<client::Server>> servers_of(Context& context, const std::string& argument) {
  const Result<FileInfo> info = context.fs.info(argument);
  if (info && info->type == FileType::kFile) {
    Result<std::vector<client::Server>> servers = servers_of_cfg(context, argument);
    if (!servers) return fail(as_configuration(std::move(servers).error()));
    return servers;
  }
  const std::string_view hosts = without_root(argument);
  if (info || hosts.find('/') != hosts.npos)
    return fail(Error(info ? ErrorId::kUsage : ErrorId::kNoFile,
                      info ? "a directory is no server" : "there is no such zoo.cfg")
                    .at(argument)
                    .with_hint("give HOST[:PORT][,HOST…], or a zoo.cfg"));
  ZK_TRY(const std::vector<ClientAddress> addresses, parse_hosts(hosts));
  std::vector<client::Server> servers;
  for (const ClientAddress& address : addresses) servers.push_back({address.host, address.port});
  return servers;
}

Result<std::vector<PingResult>> ask_all(Context& context, const std::vector<Asked>& asked,
                                        std::int64_t timeout_ms) {
  std::vector<client::Server> servers;
  for (const Asked& one : asked) servers.insert(servers.end(), one.servers.begin(), one.servers.end());
  const std::unique_ptr<LoopHandle> handle = context.make_loop();
  std::vector<PingResult> results;
  client::Ping ping(handle->loop(), handle->transport(), context.clock, servers, {.timeout_ms = timeout_ms},
                    [&](std::vector<PingResult> all) {
                      results = std::move(all);
                      handle->stop();
                    });
  ZK_TRY_STATUS(handle->run());
  ZK_TRY_STATUS(context.job.check());
  return results;
}

// ---- what is told

Cell ms_or_null(const std::optional<std::int64_t>& ns) {
  return ns ? Cell::real_number(static_cast<double>(*ns / 1'000) / 1'000) : Cell();
}
Cell count_or_null(const std::optional<std::uint64_t>& count) { return count ? Cell::count(*count) : Cell(); }
Cell text_or_null(const std::optional<std::string>& text) { return text ? Cell::string(*text) : Cell(); }

struct Answers {
  std::string name;
  std::vector<PingResult> results;
  EnsembleView view;
};

bool has_problem(const Answers& one) {
  return std::any_of(one.results.begin(), one.results.end(),
                     [](const PingResult& result) { return !result.problem.empty(); });
}

Table& add_table(Report& report, const std::vector<Answers>& all) {
  const bool problems = std::any_of(all.begin(), all.end(), has_problem);
  return report.table("servers", {{"ensemble", all.size() > 1 ? "ENSEMBLE" : ""},
                                  {"server", "SERVER"},
                                  {"state", "STATE"},
                                  {"role", "ROLE"},
                                  {"zxid", "ZXID"},
                                  {"behind", "BEHIND"},
                                  {"session_ms", "SESSION MS"},
                                  {"read_ms", "READ MS"},
                                  {"latency_min_avg_max_ms", "MIN/AVG/MAX MS"},
                                  {"connections", "CLIENTS"},
                                  {"outstanding", "WAITING"},
                                  {"nodes", "ZNODES"},
                                  {"release", "RELEASE"},
                                  {"version", ""},
                                  {"imok", ""},
                                  {"learners", ""},
                                  {"synced_followers", ""},
                                  {"synced_observers", ""},
                                  {"words_refused", ""},
                                  {"problem", problems ? "PROBLEM" : ""}});
}

void add_rows(Table& table, const Answers& one) {
  for (std::size_t i = 0; i < one.results.size(); ++i) {
    const PingResult& result = one.results[i];
    table.row({Cell::string(one.name),
               Cell::string(to_string(result.server)),
               Cell::string(name_of(result.state)),
               text_or_null(result.role),
               result.zxid ? Cell::zxid(*result.zxid) : Cell(),
               count_or_null(one.view.behind[i]),
               ms_or_null(result.session_ns),
               ms_or_null(result.read_ns),
               text_or_null(result.latency),
               count_or_null(result.connections),
               count_or_null(result.outstanding),
               count_or_null(result.nodes),
               result.version ? Cell::string(client::release_of(*result.version)) : Cell(),
               text_or_null(result.version),
               result.imok ? Cell::boolean(*result.imok) : Cell(),
               count_or_null(result.learners),
               count_or_null(result.synced_followers),
               count_or_null(result.synced_observers),
               Cell::list(result.words_refused),
               Cell::string_or_null(result.problem)});
  }
}

std::vector<std::string> not_serving(const std::vector<Answers>& all) {
  std::vector<std::string> names;
  for (const Answers& one : all)
    for (const PingResult& result : one.results)
      if (result.state != PingState::kServing)
        names.push_back(fmt::format("{} ({})", to_string(result.server), name_of(result.state)));
  return names;
}

/// Which words would tell more, and whom to allow them.
void remark_on_words(Report& report, const std::vector<Answers>& all) {
  std::vector<std::string> words;
  std::size_t servers = 0;
  for (const Answers& one : all)
    for (const PingResult& result : one.results) {
      if (!result.words_refused.empty()) ++servers;
      for (const std::string& word : result.words_refused)
        if (std::find(words.begin(), words.end(), word) == words.end()) words.push_back(word);
    }
  if (servers == 0) return;
  report.remark(
      fmt::format("{} {} not allowed to answer {}: 4lw.commands.whitelist=srvr,ruok,mntr in zoo.cfg "
                  "lets {} tell more",
                  counted(servers, "server", "servers"), servers == 1 ? "is" : "are", fmt::join(words, ", "),
                  servers == 1 ? "it" : "them"));
}

Report make_report(const std::vector<Answers>& all, const std::vector<std::string>& silent) {
  Report report("ping");
  report.list_of_rows();
  std::size_t asked = 0;
  std::vector<std::string> contradictions, remarks;
  Table& table = add_table(report, all);
  for (const Answers& one : all) {
    asked += one.results.size();
    add_rows(table, one);
    contradictions.insert(contradictions.end(), one.view.contradictions.begin(),
                          one.view.contradictions.end());
    remarks.insert(remarks.end(), one.view.remarks.begin(), one.view.remarks.end());
  }
  report.field("asked", "", Cell::count(asked))
      .field("serving", "", Cell::count(asked - silent.size()))
      .field("contradictions", "", Cell::list(contradictions))
      .field("remarks", "", Cell::list(remarks));
  for (const std::string& text : remarks) report.remark(escape_terminal(text));
  remark_on_words(report, all);
  const std::size_t serving = asked - silent.size();
  report.remark(serving == 0 ? std::string("none serves")
                             : fmt::format("{} of {} serve{}", serving, asked, serving == 1 ? "s" : ""));
  return report;
}

Status run(Context& context, const Options& options) {
  if (options.timeout_ms <= 0)
    return fail(
        Error(ErrorId::kUsage, "--timeout leaves no time for an answer").with_hint("3s is the default"));
  std::vector<Asked> asked;
  for (const std::string& argument : options.ensembles) {
    ZK_TRY(std::vector<client::Server> servers, servers_of(context, argument));
    asked.push_back({argument, std::move(servers)});
  }
  ZK_TRY(std::vector<PingResult> results, ask_all(context, asked, options.timeout_ms));
  std::vector<Answers> all;
  auto next = std::make_move_iterator(results.begin());
  for (Asked& one : asked) {
    const auto end = next + static_cast<std::ptrdiff_t>(one.servers.size());
    Answers answers{std::move(one.name), {next, end}, {}};
    answers.view = client::view_of(answers.results);
    all.push_back(std::move(answers));
    next = end;
  }
  const std::vector<std::string> silent = not_serving(all);
  context.output.print(make_report(all, silent));
  for (const Answers& one : all)
    for (const std::string& text : one.view.contradictions)
      context.output.report(Error(ErrorId::kDifferent, text)
                                .with_hint("look at their zoo.cfg and myid; `zkark compare` tells whether "
                                           "their data are one history"));
  if (!silent.empty())
    context.output.report(Error(ErrorId::kUnreachable,
                                fmt::format("{} of {} {} not serve: {}", silent.size(), results.size(),
                                            silent.size() == 1 ? "does" : "do", fmt::join(silent, ", "))));
  return {};
}

}  // namespace

Verb ping_verb() {
  VerbBuilder<Options> verb({
      .name = "ping",
      .group = Group::kServer,
      .summary = "tell whether servers serve, and whether they fit together",
      .description =
          "Opens a session on each server, reads the root and closes it again: what a client needs works, or "
          "it "
          "does not. Beside that it prints what the server says of itself (srvr, and where they are "
          "whitelisted "
          "ruok and mntr): its role, last zxid, how far behind the leader that is, latency since it began, "
          "clients, requests that wait, and release.\n\n"
          "Each argument is one ensemble: the addresses of its members, or a zoo.cfg that lists them. Two "
          "leaders, "
          "a standalone server among members, or a member in a later epoch than its leader contradict each "
          "other, "
          "and the status is 4. Where a server does not serve, is read-only or does not answer, it is 8; "
          "else 0.",
      .examples = {{"zkark ping zk1:2181,zk2:2181,zk3:2181", "one ensemble"},
                   {"zkark ping /etc/zookeeper/conf/zoo.cfg --timeout 1s", "its members, in haste"},
                   {"zkark ping zk1 --json", "for a monitoring system"}},
      .exit_codes = {4, 8, 9},
  });
  verb.argument("ENSEMBLE", &Options::ensembles, "HOST[:PORT][,HOST…], or a zoo.cfg; port 2181 if left out")
      .required()
      .completes(Completes::kFile);
  verb.duration("timeout", &Options::timeout_ms, "how long each server may take for all answers")
      .default_is("3s");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
