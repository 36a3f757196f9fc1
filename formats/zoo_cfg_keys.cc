#include <array>

#include "formats/base/text.h"
#include "formats/zoo_cfg.h"

namespace zkark {
namespace {

using enum ZooKeyType;
using enum ZooKeyUse;
using enum ZooKeyServe;
constexpr std::array kKeys = {
#define ZK_KEY(name, property, type, use, since, fallback, serve, note) \
  ZooKey{name, property, type, use, since, fallback, serve, note},
#include "formats/zoo_cfg_keys.inc"
#undef ZK_KEY
};

}  // namespace

std::string_view zoo_key_type_name(ZooKeyType type) {
  switch (type) {
    case kText:
      return "text";
    case kPath:
      return "path";
    case kNumber:
      return "number";
    case kDecimal:
      return "decimal number";
    case kFlag:
      return "true or false";
    case kYesNo:
      return "yes or no";
    case kDuration:
      return "number of hours, since 3.10 with ms, s, m, h or d";
  }
  return "text";
}

std::span<const ZooKey> zoo_keys() { return kKeys; }

const ZooKey* find_zoo_key(std::string_view key) {
  for (const ZooKey& row : kKeys)
    if (row.name == key) return &row;
  for (const ZooKey& row : kKeys) {
    if (row.name.back() != '*') continue;
    const std::string_view front = row.name.substr(0, row.name.size() - 1);
    if (key.starts_with(front) && key.size() > front.size()) return &row;
  }
  return nullptr;
}

std::optional<std::string_view> nearest_zoo_key(std::string_view key) {
  std::array<std::string_view, kKeys.size()> names;
  std::size_t count = 0;
  for (const ZooKey& row : kKeys)
    if (row.name.back() != '*') names[count++] = row.name;
  return nearest_name(key, std::span(names).first(count));
}

}  // namespace zkark
