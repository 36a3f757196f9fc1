#pragma once
// System properties, as a Java server gets them with -Dname=value on its command line.
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "formats/base/result.h"

namespace zkark::server {

struct SystemProperty {
  std::string value;
  std::string origin;  // "the command line", "JVMFLAGS", "SERVER_JVMFLAGS": for messages
};
/// By name: "zookeeper.snapCount", "jute.maxbuffer".
using PropertyMap = std::map<std::string, SystemProperty, std::less<>>;

/// "name=value", or "name" for an empty value: what follows -D. Replaces an earlier value, as the last -D of
/// a Java command line counts. kUsage when there is no name.
Status define_property(PropertyMap& properties, std::string_view definition, std::string_view origin);

/// The -D options of a text like that of JVMFLAGS, split into words as a POSIX shell splits a command line:
/// blanks between, quotes and backslashes understood, nothing expanded. All other options are for the Java
/// machine and are left out. Precedence is that of zkServer.sh: first SERVER_JVMFLAGS, then JVMFLAGS, then
/// the command line, each over the ones before. kBadConfig for a quote without its end.
Status add_jvm_flags(PropertyMap& properties, std::string_view flags, std::string_view origin);

}  // namespace zkark::server
