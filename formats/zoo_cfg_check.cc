// What a server makes of a zoo.cfg, rule by rule (QuorumPeerConfig.parseProperties, parseDynamicConfig,
// checkValidity).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "formats/file_names.h"
#include "formats/zoo_cfg.h"

namespace zkark {
namespace {

bool equals(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
}

bool is_number(std::string_view text, std::int64_t least, std::int64_t most) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  std::int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && problem == std::errc() && end == text.data() + text.size() && value >= least &&
         value <= most;
}

bool is_decimal(std::string_view text) {
  double value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && problem == std::errc() && end == text.data() + text.size();
}

/// A number of hours; since 3.10 also a number with a unit.
bool has_duration_unit(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return false;
  const std::string_view unit = text.substr(digits);
  return unit == "ms" || unit == "s" || unit == "m" || unit == "h" || unit == "d";
}

class Checker {
  using Kind = CfgRemark::Kind;

 public:
  Checker(const ZooCfg& cfg, bool is_dynamic) : cfg_(cfg), dynamic_(is_dynamic) {}

  std::vector<CfgRemark> run() {
    for (const Property& property : cfg_.properties()) key(property);
    if (dynamic_) {
      members(true);
    } else {
      paths();
      ports();
      times();
      sasl();
      members(false);
    }
    std::stable_sort(remarks_.begin(), remarks_.end(),
                     [](const CfgRemark& a, const CfgRemark& b) { return a.line < b.line; });
    return std::move(remarks_);
  }

 private:
  void add(CfgRemark::Kind kind, const Property* property, std::string message, std::string hint = {}) {
    CfgRemark remark;
    remark.kind = kind;
    remark.message = std::move(message);
    remark.hint = std::move(hint);
    if (property != nullptr) {
      remark.key = java_trim(property->key);
      remark.line = property->line;
      remark.offset = property->begin;
    }
    remarks_.push_back(std::move(remark));
  }
  void refuse(const Property* property, std::string message, std::string hint = {}) {
    add(Kind::kRefused, property, std::move(message), std::move(hint));
  }

  const Property* find(std::string_view key) const { return cfg_.find(key); }

  /// Known, in the right file, of the right type, once.
  void key(const Property& property) {
    const std::string_view name = java_trim(property.key);
    if (const Property* last = find(name); last != &property) {
      add(Kind::kWarning, &property, fmt::format("set again in line {}, which counts", last->line));
      return;
    }
    const bool membership =
        name.starts_with("server.") || name.starts_with("group") || name.starts_with("weight");
    if (dynamic_) {
      if (name == "version")
        refuse(&property, "must not be in a dynamic configuration file: its name carries the version");
      else if (!membership)
        refuse(&property, "only server, group and weight lines may be in a dynamic configuration file");
      return;
    }
    if (membership) {
      if (cfg_.dynamic_config_file()) refuse(&property, "must be in the file that dynamicConfigFile names");
      return;
    }
    const ZooKey* row = find_zoo_key(name);
    if (row == nullptr) {
      // A file of any size may be handed in: the likeness of words is looked at for the first ones only.
      const std::optional<std::string_view> near = ++unknown_ <= 20 ? nearest_zoo_key(name) : std::nullopt;
      add(Kind::kWarning, &property,
          "unknown key: the server takes it without a word and does nothing with it",
          near ? fmt::format("did you mean {}?", *near) : std::string());
      return;
    }
    if (row->use == ZooKeyUse::kIgnored)
      add(Kind::kWarning, &property, "has no effect in the file",
          fmt::format("start the server with -D{}={}", row->property, java_trim(property.value)));
    else
      value(property, *row);
  }

  void value(const Property& property, const ZooKey& row) {
    const std::string_view text = java_trim(property.value);
    if (row.use == ZooKeyUse::kParsed) {
      if (std::string problem = parsed_problem(text, row); !problem.empty())
        refuse(&property, std::move(problem));
      if (row.type == ZooKeyType::kDuration && has_duration_unit(text))
        add(Kind::kNote, &property,
            "a unit is understood since 3.10 only; before, the server does not start");
      return;
    }
    if (row.name == "snapSizeLimitInKb" && text == "0")
      refuse(&property, "0 makes the server divide by zero at its first snapshot",
             "a negative number switches it off");
    if (row.name == "forceSync" && text == "no")
      add(Kind::kWarning, &property,
          "writes are acknowledged before they are on the disk: a power cut loses them",
          "leave it out, or say yes");
    const bool flag = equals(text, "true") || equals(text, "false");
    const bool yes_no = equals(text, "yes") || equals(text, "no");
    if (row.type == ZooKeyType::kFlag && !flag)
      add(Kind::kWarning, &property, fmt::format("'{}' is neither true nor false, so it means false", text));
    else if ((row.type == ZooKeyType::kNumber && !is_number(text, INT64_MIN, INT64_MAX)) ||
             (row.type == ZooKeyType::kDecimal && !is_decimal(text)))
      add(Kind::kWarning, &property,
          fmt::format("'{}' is no number, so the default {} counts", text, row.fallback));
    else if (row.type == ZooKeyType::kYesNo && !yes_no)
      add(Kind::kWarning, &property,
          fmt::format("'{}' is neither yes nor no, so the default {} counts", text, row.fallback));
  }

  /// Why a server refuses the value of a key that it parses; empty when it takes it.
  static std::string parsed_problem(std::string_view text, const ZooKey& row) {
    if (row.name == "electionAlg" && text != "3" && text != "+3") return "only 3 is supported";
    if (row.name == "peerType" && !equals(text, "observer") && !equals(text, "participant"))
      return fmt::format("'{}' is neither observer nor participant", text);
    const bool wide = row.name.starts_with("jvm.");
    switch (row.type) {
      case ZooKeyType::kNumber:
        if (!is_number(text, wide ? INT64_MIN : INT32_MIN, wide ? INT64_MAX : INT32_MAX))
          return fmt::format("'{}' is no number that fits", text);
        break;
      case ZooKeyType::kDuration:
        if (!is_number(text, INT32_MIN, INT32_MAX) && !has_duration_unit(text))
          return fmt::format("'{}' is no number of hours", text);
        break;
      case ZooKeyType::kFlag:
        if (!equals(text, "true") && !equals(text, "false"))
          return fmt::format("'{}' is neither true nor false", text);
        break;
      default:
        break;
    }
    return {};
  }

  void paths() {
    if (!cfg_.data_dir()) refuse(nullptr, "dataDir is not set");
    for (std::string_view name : {"dataDir", "dataLogDir"}) {
      const Property* property = find(name);
      if (property == nullptr) continue;
      const std::string_view path = java_trim(property->value);
      if (path.starts_with('/')) continue;
      if (path.size() < 2)
        add(Kind::kWarning, property,
            fmt::format("Apache ZooKeeper fails to start on '{}' (it looks at two characters)", path));
      else
        add(Kind::kNote, property, "relative to the directory the server is started in, not to this file");
    }
  }

  void ports() {
    for (const auto& [port, address] : {std::pair("clientPort", "clientPortAddress"),
                                        std::pair("secureClientPort", "secureClientPortAddress")}) {
      const Result<std::int64_t> number = cfg_.number(port, 0, INT32_MIN, INT32_MAX);
      if (!number) continue;  // said already
      if (*number < 0 || *number > 65535) refuse(find(port), fmt::format("{} is no port", *number));
      if (const Property* host = find(address); host != nullptr && *number == 0)
        refuse(host, fmt::format("{} is not set", port));
    }
  }

  void times() {
    const Result<std::int64_t> tick = cfg_.number("tickTime", 3000),
                               least = cfg_.number("minSessionTimeout", -1),
                               most = cfg_.number("maxSessionTimeout", -1);
    if (!tick || !least || !most) return;
    if (*tick == 0) refuse(find("tickTime"), "must not be 0");
    const std::int64_t smallest = *least == -1 ? *tick * 2 : *least,
                       largest = *most == -1 ? *tick * 20 : *most;
    if (smallest > largest)
      refuse(find(*least == -1 ? "maxSessionTimeout" : "minSessionTimeout"),
             fmt::format("the smallest session timeout is {}, the largest {}", smallest, largest));
  }

  void sasl() {
    const auto on = [this](std::string_view key) {
      const Result<bool> flag = cfg_.flag(key, false);
      return flag && *flag;
    };
    const bool enabled = on("quorum.auth.enableSasl");
    for (std::string_view key : {"quorum.auth.serverRequireSasl", "quorum.auth.learnerRequireSasl"})
      if (!enabled && on(key)) refuse(find(key), "needs quorum.auth.enableSasl=true");
    if (enabled && on("quorum.auth.serverRequireSasl") && !on("quorum.auth.learnerRequireSasl"))
      refuse(find("quorum.auth.serverRequireSasl"), "needs quorum.auth.learnerRequireSasl=true");
  }

  void members(bool dynamic) {
    const Result<Ensemble> ensemble = cfg_.ensemble();
    if (!ensemble) {
      const Error& error = ensemble.error();
      for (const Property& property : cfg_.properties()) {
        if (property.begin != error.offset()) continue;
        const std::string place = fmt::format("line {}: {}: ", property.line, java_trim(property.key));
        refuse(&property, error.message().substr(error.message().starts_with(place) ? place.size() : 0),
               error.hint());
      }
      return;
    }
    const Result<bool> standalone = cfg_.flag("standaloneEnabled", true),
                       multi = cfg_.flag("multiAddress.enabled", false);
    for (const ServerLine& server : ensemble->servers)
      server_line(server, *ensemble, dynamic || (multi && *multi));
    if (dynamic || !standalone || cfg_.dynamic_config_file()) return;
    const std::size_t voters = ensemble->voters(), observers = ensemble->servers.size() - voters;
    if (voters == 0 && !*standalone)
      refuse(nullptr, "standaloneEnabled=false needs at least one participant");
    if (observers != 0 && (voters == 0 || (voters == 1 && *standalone)))
      refuse(nullptr, "observers need an ensemble of participants");
    if (voters == 1 && *standalone)
      add(Kind::kNote, nullptr, "one server alone: it runs standalone and its server line is ignored");
    if (voters < 2 && *standalone) return;
    for (std::string_view key : {"initLimit", "syncLimit"}) {
      const Result<std::int64_t> ticks = cfg_.number(key, 0);
      if (ticks && *ticks == 0) refuse(find(key), fmt::format("{} must be set in an ensemble", key));
    }
    if (voters == 2) add(Kind::kNote, nullptr, "two participants: the ensemble stops when either fails");
    if (voters > 2 && voters % 2 == 0)
      add(Kind::kNote, nullptr,
          fmt::format("{} participants tolerate no more failures than {}", voters, voters - 1));
  }

  void server_line(const ServerLine& server, const Ensemble& ensemble, bool multi_address) {
    const Property* property = find(fmt::format("server.{}", server.id));
    for (const PeerAddress& address : server.addresses)
      if (address.election_port == 0)
        add(Kind::kWarning, property, "without an election port, which 3.5 and later require");
    if (server.addresses.size() > 1 && !multi_address)
      refuse(property, "several addresses need multiAddress.enabled=true");
    if (property != nullptr && property->value != java_trim(property->value))
      refuse(property, "a blank at the end: Apache ZooKeeper takes it for a part of the port");
    if (ensemble.hierarchical && !server.observer && !server.group)
      refuse(property, fmt::format("server {} is in no group", server.id));
  }

  const ZooCfg& cfg_;
  bool dynamic_;
  std::size_t unknown_ = 0;
  std::vector<CfgRemark> remarks_;
};

}  // namespace

std::vector<CfgRemark> ZooCfg::check(bool is_dynamic) const { return Checker(*this, is_dynamic).run(); }

}  // namespace zkark
