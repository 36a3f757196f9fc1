#include "src/cli/live_members.h"

#include <fmt/format.h>

#include <functional>

#include "formats/base/system.h"
#include "formats/file_names.h"
#include "src/cli/values.h"
#include "src/client/four_letters.h"

namespace zkark::cli {
namespace {

constexpr std::int64_t kPatienceMs = 5000;
constexpr std::size_t kMaxAnswerBytes = 64 << 10;
constexpr std::uint16_t kUsualPort = 2181;

std::string address_text(const ClientAddress& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", ipv6 ? "[" : "", address.host, ipv6 ? "]" : "", address.port);
}

/// A server that listens on every address is found on this machine.
std::string reachable(const std::string& host) {
  return host.empty() || host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host;
}

/// Runs `ask(i)` for every i, several at once.
Status for_all(Context& context, std::size_t count, const std::function<Status(std::size_t)>& ask) {
  std::vector<std::function<Status()>> tasks;
  for (std::size_t i = 0; i < count; ++i) tasks.push_back([&ask, i] { return ask(i); });
  return context.executor.run_all(tasks);
}

LiveMembers gather(std::vector<std::optional<LiveServer>> found, const std::vector<ClientAddress>& asked) {
  LiveMembers members;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i])
      members.live.push_back(*std::move(found[i]));
    else
      members.silent.push_back(address_text(asked[i]));
  }
  return members;
}

}  // namespace

Result<std::vector<ClientAddress>> parse_hosts(std::string_view text) {
  std::vector<ClientAddress> hosts;
  while (!text.empty()) {
    std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    ClientAddress address{std::string(one), kUsualPort};
    std::string_view port;
    if (one.starts_with('[')) {
      const std::size_t close = one.find(']');
      if (close == one.npos) return fail(ErrorId::kUsage, fmt::format("'{}' lacks a ]", one));
      address.host = one.substr(1, close - 1);
      if (close + 1 < one.size()) port = one.substr(close + 1);
    } else if (const std::size_t colon = one.find(':');
               colon != one.npos && one.find(':', colon + 1) == one.npos) {
      address.host = one.substr(0, colon);
      port = one.substr(colon);
    }
    if (!port.empty()) {
      Result<std::int64_t> number = parse_number(port.substr(1), 1, 65535);
      if (port.front() != ':' || !number)
        return fail(ErrorId::kUsage, fmt::format("'{}' has no port from 1 to 65535", one));
      address.port = static_cast<std::uint16_t>(*number);
    }
    if (address.host.empty())
      return fail(Error(ErrorId::kUsage, "a host is missing").with_hint("hosts are HOST[:PORT][,HOST…]"));
    hosts.push_back(std::move(address));
  }
  if (hosts.empty())
    return fail(Error(ErrorId::kUsage, "a host is missing").with_hint("hosts are HOST[:PORT][,HOST…]"));
  return hosts;
}

Result<LiveMembers> ask_hosts(Context& context, const std::vector<ClientAddress>& hosts) {
  std::vector<std::optional<LiveServer>> found(hosts.size());
  ZK_TRY_STATUS(for_all(context, hosts.size(), [&](std::size_t i) -> Status {
    const ClientAddress& host = hosts[i];
    const Result<std::string> answer =
        context.system.ask_port(host.host, host.port, "srvr", kMaxAnswerBytes, kPatienceMs);
    if (!answer) {
      const Result<bool> accepts = context.system.port_answers(host.host, host.port, kPatienceMs);
      if (accepts && *accepts) found[i] = LiveServer{address_text(host), "accepts connections", {}};
      return {};
    }
    LiveServer server{address_text(host), client::answer_field(*answer, "Mode: ").value_or("answers"), {}};
    if (const auto zxid = client::answer_field(*answer, "Zxid: ")) server.zxid = parse_hex64(*zxid);
    found[i] = std::move(server);
    return {};
  }));
  return gather(std::move(found), hosts);
}

Result<LiveMembers> try_members(Context& context, const Ensemble& ensemble) {
  std::vector<ClientAddress> doors;
  for (const ServerLine& server : ensemble.servers) {
    for (const PeerAddress& peer : server.addresses)
      doors.push_back({reachable(peer.host), peer.election_port});
    if (server.client) {
      const bool any = server.client->host == "0.0.0.0" && !server.addresses.empty();
      doors.push_back(
          {reachable(any ? server.addresses.front().host : server.client->host), server.client->port});
    }
  }
  std::vector<std::optional<LiveServer>> found(doors.size());
  ZK_TRY_STATUS(for_all(context, doors.size(), [&](std::size_t i) -> Status {
    const Result<bool> answers = context.system.port_answers(doors[i].host, doors[i].port, kPatienceMs);
    if (answers && *answers) found[i] = LiveServer{address_text(doors[i]), "accepts connections", {}};
    return {};
  }));
  return gather(std::move(found), doors);
}

}  // namespace zkark::cli
