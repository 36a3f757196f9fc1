#pragma once
// What `repair` and `merge` share: a corrected copy of a data directory, with what stands beside the data,
// and how it is told.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "restore/repair.h"
#include "src/cli/table.h"

namespace zkark::cli {

struct CopySurroundings {
  restore::RepairExtras extras;
  bool has_config = false;
  std::size_t voters = 0;  // as the captured configuration has it
};

/// Epochs, myid and configuration of a copy in `dir` (absolute; "" for a dry run, which has no conf/) that
/// boots to plan.point. What is to be said of them joins `findings`.
Result<CopySurroundings> surroundings_of(const restore::SourceListing& listing,
                                         const restore::RepairPlan& plan, const std::string& dir,
                                         restore::Findings& findings);

/// Table "files": what became of each file.
Table& files_of_copy(Report& report);
/// One row of it. `made`: no file of the source is meant. `fate`: the verb's word for it.
void add_file(Table& table, const restore::RepairedFile& file, bool made, std::string_view fate,
              std::string_view reason);
/// Table "lost": what of the source is not in the copy.
void list_losses(Report& report, const std::vector<restore::Loss>& losses);

}  // namespace zkark::cli
