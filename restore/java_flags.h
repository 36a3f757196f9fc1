#pragma once
// The system properties that java gets for a server, as far as files beside its zoo.cfg say them: those that
// Apache's scripts source (zookeeper-env.sh, then java.env: SERVER_JVMFLAGS and JVMFLAGS) and that of
// Debian's packages (environment: JAVA_OPTS). They are shell, and are read as text: assignments count in
// their order, whatever stands around them; of other variables than these three nothing is known. What else
// starts a server (a unit file, somebody's hand) may say otherwise.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "restore/finding.h"
#include "restore/source.h"

namespace zkark::restore {

struct JavaProperty {
  std::string key, value;  // of -Dkey=value; a variable that is not known stays as it is written
  std::string file;        // path
};

/// What java would be given, each key once: the last counts. `files` in the order in which they are read.
std::vector<JavaProperty> java_properties(std::span<const ExtraFile> files);

/// Those of the files named above that lie in `dir`. One that cannot be read is a note in `notes`.
std::vector<ExtraFile> java_flag_files(ReadFs& fs, const std::string& dir, Findings& notes);

}  // namespace zkark::restore
