#pragma once
#include "formats/base/process_facts.h"

namespace zkark::os {

/// Of this process and machine. Dates are in the zone that TZ names, else the machine's, as Java has it.
ProcessFacts process_facts();

}  // namespace zkark::os
