// `compare`: do the members of an ensemble agree, since when not, and who stands alone?
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/findings_table.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/forensics/compare.h"

namespace zkark::cli {
namespace {

using forensics::ComparedMember;
using forensics::Comparison;
using forensics::MemberRecord;
using forensics::NodeChange;
using forensics::NodeDifference;

constexpr std::size_t kShortValue = 60;  // bytes of a value that is shown to people

struct Options {
  std::vector<std::string> members;
  bool no_trees = false;
  std::int64_t limit = 20;
};

std::string from_to_text(std::int64_t first, std::int64_t last) {
  return first == last ? zxid_text(first) : fmt::format("{} to {}", zxid_text(first), zxid_text(last));
}
Cell zxid_or_null(const std::optional<std::int64_t>& zxid) { return zxid ? Cell::zxid(*zxid) : Cell(); }
std::string_view name_of(TxnType type) {
  const std::string_view name = txn_type_name(type);
  return name.empty() ? "unknown" : name;
}

class ComparePrinter {
 public:
  ComparePrinter(const Options& options, const std::vector<ComparedMember>& members, const Comparison& result)
      : options_(options), members_(members), result_(result) {}

  Report make() {
    list_members();
    tell_logs();
    list_versions();
    tell_trees();
    list_nodes();
    restore::Findings all;
    for (const ComparedMember& member : members_)
      all.insert(all.end(), member.findings.begin(), member.findings.end());
    all.insert(all.end(), result_.incomplete.begin(), result_.incomplete.end());
    findings_table(report_, all);
    for (const ComparedMember& member : members_) remark_on(member);
    report_.remark(verdict());
    if (!result_.difference) name_the_way_out();
    return std::move(report_);
  }

 private:
  std::string names(const std::vector<std::size_t>& which) const {
    std::string text;
    for (const std::size_t m : which) text += (text.empty() ? "" : ", ") + members_[m].name;
    return text;
  }

  std::vector<std::string> states(std::size_t m) const {
    const ComparedMember& member = members_[m];
    std::vector<std::string> all;
    if (std::find(result_.minority.begin(), result_.minority.end(), m) != result_.minority.end())
      all.emplace_back("in the minority");
    if (restore::has_severity(member.findings, restore::Severity::kDamage)) all.emplace_back("damaged");
    if (member.behind != 0) all.push_back(fmt::format("behind by {}", human_count(member.behind)));
    if (!member.holes.empty()) all.emplace_back("synced by snapshot");
    if (!member.stale_tails.empty()) all.emplace_back("stale tail");
    if (all.empty()) all.emplace_back("ok");
    return all;
  }

  void list_members() {
    Table& table = report_.table("members", {{"member", "MEMBER"},
                                             {"first_zxid", "FIRST"},
                                             {"last_zxid", "LAST"},
                                             {"records", "TXNS"},
                                             {"tree", "TREE"},
                                             {"state", "STATE"},
                                             {"behind", ""}});
    for (std::size_t m = 0; m < members_.size(); ++m) {
      const ComparedMember& member = members_[m];
      table.row({Cell::string(member.name), zxid_or_null(member.first_zxid), zxid_or_null(member.last_zxid),
                 Cell::count(member.records),
                 member.tree_group
                     ? Cell::string(std::string(1, static_cast<char>('A' + *member.tree_group % 26)))
                     : Cell(),
                 Cell::list(states(m)), Cell::count(member.behind)});
    }
  }

  void tell_logs() {
    const auto& difference = result_.difference;
    std::string text = "nothing in common";
    if (difference)
      text = fmt::format("DIFFER from {} on, in {} {}{}", zxid_text(difference->zxid),
                         human_count(difference->zxids), difference->zxids == 1 ? "zxid" : "zxids",
                         difference->last_common != 0
                             ? fmt::format("; alike up to {}", zxid_text(difference->last_common))
                             : std::string());
    else if (result_.first_compared)
      text = fmt::format("agree from {}: {} transactions that at least two members hold",
                         from_to_text(*result_.first_compared, *result_.last_compared),
                         human_count(result_.compared));
    report_.field("logs", "logs", Cell::string(text));
    report_.field("compared", "", Cell::count(result_.compared));
    report_.field("first_compared", "", zxid_or_null(result_.first_compared));
    report_.field("last_compared", "", zxid_or_null(result_.last_compared));
    report_.field("first_difference", "", difference ? Cell::zxid(difference->zxid) : Cell());
    report_.field("last_common", "", difference ? Cell::zxid(difference->last_common) : Cell());
    report_.field("different_zxids", "", Cell::count(difference ? difference->zxids : 0));
  }

  void list_versions() {
    if (!result_.difference) return;
    // Long values would tear the table; sizes and checksums stand in it.
    const bool short_values = std::all_of(
        result_.difference->records.begin(), result_.difference->records.end(),
        [](const auto& record) { return !record || !record->data || record->data->size() <= kShortValue; });
    Table& table = report_.table("versions", {{"member", "MEMBER"},
                                              {"zxid", "ZXID"},
                                              {"held", "HELD"},
                                              {"time", "TIME"},
                                              {"session", "SESSION"},
                                              {"type", "TYPE"},
                                              {"path", "PATH"},
                                              {"data_bytes", "SIZE"},
                                              {"checksum", "CHECKSUM"},
                                              {"cxid", ""},
                                              {"value", short_values ? "VALUE" : ""}});
    for (std::size_t m = 0; m < members_.size(); ++m) {
      const std::optional<MemberRecord>& record = result_.difference->records[m];
      const char* held = record ? "yes" : result_.difference->missing[m] ? "MISSING" : "not its time";
      std::vector<Cell> row = {Cell::string(members_[m].name), Cell::zxid(result_.difference->zxid),
                               Cell::string(held)};
      if (record) {
        std::optional<Bytes> data;
        if (record->data) data = as_bytes(*record->data);
        row.insert(row.end(), {Cell::time(WallTime{record->time_ms}), Cell::session(record->session),
                               Cell::string(name_of(record->type)), Cell::string_or_null(record->path),
                               data ? Cell::size(data->size()) : Cell(), Cell::hex(record->checksum),
                               Cell::integer(record->cxid), Cell::data(data)});
      }
      row.resize(11);
      table.row(std::move(row));
    }
  }

  using Names = std::vector<std::string>;
  /// Those that a side goes on from where the trees begin to differ; not of the side whose tree the digests
  /// prove.
  static Names snapshots_of(const forensics::TreeSince& since) {
    using Digests = forensics::TreeSince::Digests;
    Names names;
    if (!since.snapshot_a.empty() && since.digests != Digests::kOfA) names.push_back(since.snapshot_a);
    if (!since.snapshot_b.empty() && since.digests != Digests::kOfB) names.push_back(since.snapshot_b);
    return names;
  }
  std::string digests_of(const forensics::TreeSince& since) const {
    using Digests = forensics::TreeSince::Digests;
    if (since.digests == Digests::kOfA) return members_[result_.tree_a].name;
    return since.digests == Digests::kOfB ? members_[result_.tree_b].name : std::string();
  }
  std::string since_text() const {
    if (result_.difference) return {};
    if (!result_.tree_since) return "; since when is not told by what digests cover (ACLs are not in them)";
    const forensics::TreeSince& since = *result_.tree_since;
    std::string text = fmt::format("; since {}", zxid_text(since.zxid));
    text += since.last_alike ? fmt::format(" (alike at {})", zxid_text(*since.last_alike))
                             : std::string(" or before: no older point is in both");
    for (const std::string& one : snapshots_of(since)) text += ", as of " + one;
    if (const std::string name = digests_of(since); !name.empty())
      text += fmt::format("; the digests in the logs are those of {}", name);
    return text;
  }

  void tell_trees() {
    std::string text = "not compared";
    if (result_.tree_groups == 1) text = fmt::format("agree at {}", zxid_text(*result_.tree_zxid));
    if (result_.tree_groups > 1) {
      text = fmt::format("DIFFER at {}", zxid_text(*result_.tree_zxid));
      if (result_.tree_diff)
        text += fmt::format(": {} added, {} changed, {} removed from {} to {}",
                            human_count(result_.tree_diff->added), human_count(result_.tree_diff->modified),
                            human_count(result_.tree_diff->removed), members_[result_.tree_a].name,
                            members_[result_.tree_b].name);
      text += since_text();
    }
    const bool asked = !options_.no_trees;
    report_.field("trees", asked ? "trees" : "", asked ? Cell::string(text) : Cell());
    report_.field("tree_zxid", "", zxid_or_null(result_.tree_zxid));
    const auto& since = result_.tree_since;
    report_.field("trees_differ_since", "", since ? Cell::zxid(since->zxid) : Cell())
        .field("trees_alike_at", "", since ? zxid_or_null(since->last_alike) : Cell());
    report_.field("trees_differ_from_snapshots", "", Cell::list(since ? snapshots_of(*since) : Names()))
        .field("digests_of", "", Cell::string_or_null(since ? digests_of(*since) : std::string()));
    report_.field("minority", result_.minority.empty() ? "" : "minority", Cell::list([&] {
                    std::vector<std::string> list;
                    for (const std::size_t m : result_.minority) list.push_back(members_[m].name);
                    return list;
                  }()));
  }

  void list_nodes() {
    if (!result_.tree_diff || result_.tree_groups < 2) return;
    Table& table = report_.table("nodes", {{"change", "NODE"}, {"what", "DIFFERENT"}, {"path", "PATH"}});
    const auto& all = result_.tree_diff->differences;
    const auto shown = static_cast<std::size_t>(options_.limit);
    for (std::size_t i = 0; i < std::min(all.size(), shown); ++i) {
      const NodeDifference& one = all[i];
      std::vector<std::string> what;
      if (one.data) what.emplace_back("data");
      if (one.acl) what.emplace_back("acl");
      if (one.stat) what.emplace_back("stat");
      const std::string where =
          one.change == NodeChange::kModified
              ? "both"
              : "only in " +
                    members_[one.change == NodeChange::kAdded ? result_.tree_b : result_.tree_a].name;
      table.row({Cell::string(where), Cell::list(std::move(what)), Cell::string(one.path)});
    }
    if (all.size() > shown)
      report_.remark(
          fmt::format("{} more nodes differ (--limit, or zkark diff)", human_count(all.size() - shown)));
  }

  void remark_on(const ComparedMember& member) {
    for (const ComparedMember::Hole& hole : member.holes)
      report_.remark(fmt::format("{} has no {} in its logs: it was synced by snapshot.{:x}",
                                 escape_terminal(member.name),
                                 from_to_text(hole.zxids.first, hole.zxids.last), hole.snapshot));
    for (const ComparedMember::StaleTail& tail : member.stale_tails)
      report_.remark(fmt::format("{} alone holds {}, which a later leader never had{}",
                                 escape_terminal(member.name),
                                 from_to_text(tail.zxids.first, tail.zxids.last),
                                 tail.cut_off ? " and its server has left behind"
                                              : ": its server will drop that when it joins again"));
  }

  /// What one lacks and another has is put in by `merge`.
  void name_the_way_out() {
    for (const ComparedMember& member : members_)
      // Behind a tail that no leader had the others hold nothing that follows it.
      if ((!member.holes.empty() && member.stale_tails.empty()) ||
          restore::has_severity(member.findings, restore::Severity::kDamage))
        report_.remark(fmt::format("next: zkark merge {} OTHER… -O DIR fills what it lacks from the others",
                                   escape_terminal(member.name)));
  }

  std::string verdict() const {
    if (result_.differs())
      return result_.minority.empty()
                 ? std::string("DIVERGED: no side has more members than the other")
                 : fmt::format("DIVERGED: {} {} against the others", escape_terminal(names(result_.minority)),
                               result_.minority.size() == 1 ? "stands" : "stand");
    return result_.incomplete.empty() ? "the members agree" : "no difference in what could be compared";
  }

  const Options& options_;
  const std::vector<ComparedMember>& members_;
  const Comparison& result_;
  Report report_ = std::move(Report("compare").list_of_rows());
};

Status run(Context& context, const Options& options) {
  if (options.members.size() < 2)
    return fail(Error(ErrorId::kUsage, "with what to compare it is not said")
                    .with_hint("give the data directories of two members or more"));
  std::vector<OpenedSource> opened;
  std::vector<ComparedMember> members;
  for (const std::string& name : options.members) {
    ZK_TRY(OpenedSource source, open_source(context, {{name}, "", ""}));
    if (source.point.kind != restore::PointSpec::Kind::kLatest)
      return fail(Error(ErrorId::kUsage, fmt::format("'{}': members are compared with all they have", name))
                      .with_hint("two points are compared with `zkark diff`"));
    ComparedMember member;
    member.name = name;
    member.source = source.source.get();
    ZK_TRY(member.listing, member.source->list());
    member.findings = source.findings;
    member.findings.insert(member.findings.end(), member.listing.findings.begin(),
                           member.listing.findings.end());
    opened.push_back(std::move(source));
    members.push_back(std::move(member));
  }
  ZK_TRY(const Comparison result,
         compare_members(members, {!options.no_trees}, context.executor, context.job));
  context.output.print(ComparePrinter(options, members, result).make());
  for (const ComparedMember& member : members)
    show_findings(context.output, member.findings, Stance::kJudging);
  show_findings(context.output, result.incomplete, Stance::kReading);
  if (result.differs()) context.output.exit().add(4);
  return {};
}

}  // namespace

Verb compare_verb() {
  VerbBuilder<Options> verb({
      .name = "compare",
      .group = Group::kForensics,
      .summary = "tell whether the members of an ensemble agree",
      .description =
          "Compares the logs of two or more members record by record, and their trees at the last "
          "transaction that all of them have: do they agree, which transaction is the first that differs, "
          "which nodes, and who stands against the others? Where only the trees differ (a server lost or "
          "applied "
          "something that no log shows, such as TTL nodes at a start without extendedTypesEnabled), since "
          "when, "
          "by replaying two members back to where they are alike.\n\nWhat ZooKeeper brings about by itself "
          "is no "
          "difference: a member that is behind, older logs purged, a hole in the logs of a member that was "
          "synced by snapshot, a stale tail that a later leader never had. Without a majority among the "
          "members given, name all members of the ensemble.",
      .examples = {{"zkark compare zk1/data zk2/data zk3/data", "three members, copied to this machine"},
                   {"zkark compare zk1.tar.gz zk2.tar.gz --no-trees", "only their logs, from tarballs"}},
      .exit_codes = {3, 4, 5, 6},
      .uses = kUsesRepository | kUsesCache | kUsesJobs | kUsesProgress,
  });
  verb.argument("DIR", &Options::members, "the members: data directories, zoo.cfg files, tarballs")
      .required()
      .completes(Completes::kSource);
  verb.flag("no-trees", &Options::no_trees, "compare the logs alone");
  verb.number("limit", "N", &Options::limit, 0, INT32_MAX, "show so many nodes that differ");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
