#pragma once
// What to keep. A pure function over the catalogue: no clock, no storage.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/base/result.h"

namespace zkark::backup {

/// A span of calendar time: "1y6m", "7d", "36h". `m` is months; minutes have no spelling here.
struct Span {
  int years = 0, months = 0, days = 0, hours = 0;
  bool empty() const { return years == 0 && months == 0 && days == 0 && hours == 0; }
  bool operator==(const Span&) const = default;
};
/// kUsage. "5m" alone is refused with both spellings: everybody means minutes until they lose months.
Result<Span> parse_span(std::string_view text);

struct RetentionPolicy {
  unsigned last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;  // how many; 0: rule unused
  Span within = {};  // everything this young, seen from the newest backup of the cluster
  std::vector<std::pair<std::string, std::optional<std::string>>> tags = {};  // key, value or any value
  bool empty() const;
};

struct RetentionItem {
  std::string id, cluster, timeline;
  std::int64_t taken_ms = 0;       // decides about hours, days, … and `within`
  std::int64_t order_ms = 0;       // decides what is newer (HeadEntry::order_ms)
  std::vector<std::string> needs;  // ids
  std::map<std::string, std::string> tags;
};

struct RetentionDecision {
  std::string id;
  bool keep = false;
  std::vector<std::string>
      reasons;  // "last 1 of 3", "daily 2026-11-20", "tag why=audit", "needed by 5be0a913"
};

/// One decision per item, in the order of the items. Rules count per cluster; days, weeks (ISO) and months
/// are those at `zone_offset_min` east of UTC. Whatever a kept backup needs is kept. kUsage for an empty
/// policy; kRefused when a cluster would lose its last backup.
Result<std::vector<RetentionDecision>> apply_retention(const std::vector<RetentionItem>& items,
                                                       const RetentionPolicy& policy, int zone_offset_min);

}  // namespace zkark::backup
