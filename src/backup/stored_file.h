#pragma once
// Stored data seen as a read-only file (internal: Repository::open_data, check).
#include <memory>
#include <string>

#include "formats/base/fs.h"
#include "src/backup/backend/backend.h"
#include "src/backup/codec.h"
#include "src/backup/manifest.h"

namespace zkark::backup {

/// The stored bytes of an object, not yet checked beyond their length. kMissingObject, kObjectDamaged.
Result<std::string> fetch_object(Backend& backend, const ObjectRef& ref);
/// Fetched, its hash and header checked. Errors carry the object's place.
Result<std::unique_ptr<ObjectReader>> open_object(
    Backend& backend, const ObjectRef& ref,
    ObjectReader::Checks checks = ObjectReader::Checks::kStoredAndPlain);
/// See Repository::open_data. Borrows `backend`.
std::unique_ptr<File> make_stored_file(Backend& backend, const StoredData& data, std::string display_name);

}  // namespace zkark::backup
