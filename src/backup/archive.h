#pragma once
// Tarballs as hand-written backup scripts make them (plain, gzip, zstd, xz, bzip2; everything flat, under
// DATE/ or under version-2/), taken apart into a directory that looks like a server's. libarchive decodes;
// nothing it finds is trusted: regular files with allow-listed names only, no links, no devices, no path of
// the archive's own choosing.
#include <cstdint>
#include <string>
#include <vector>

#include "formats/base/fs.h"
#include "formats/base/job.h"
#include "restore/finding.h"

namespace zkark::backup {

/// True when the first bytes are those of a tar file, or of a compressed file that may hold one.
bool looks_like_archive(Bytes first_bytes);
/// How many of a file's first bytes looks_like_archive() wants.
inline constexpr std::size_t kArchiveProbeBytes = 512;

struct UnpackOptions {
  /// Of all files together, unpacked. Never more than the file system has free, less a twentieth.
  std::uint64_t max_bytes = UINT64_MAX;
  std::uint64_t max_entries = 1'000'000;
};

struct UnpackedFile {
  std::string path;     // where it is now
  std::string archive;  // where it came from
  std::string entry;    // its name there
  std::uint64_t size_bytes = 0;
};

struct Unpacked {
  std::vector<UnpackedFile> files;        // snapshots and logs in DIR/version-2, the rest in DIR
  std::vector<std::string> config_files;  // paths of zoo.cfg and dynamic files
  restore::Findings findings;             // what was left out, and damage to the archives
};

/// Unpacks in the order given into `dir`, which is there and empty. A directory among them counts as an
/// archive of the files in it and in its version-2, which are copied. A name that comes again: of a log, the
/// copy that reaches further, if one begins with the other; of a snapshot, the later one, unless it is
/// incomplete; of any other file, the later one. Copies that contradict each other are a finding (kDamage),
/// and the earlier one stays. An archive that ends early or is damaged is a finding too; what was read up to
/// there is kept. Errors: kNoFile, kBadMagic (not a tar file), kRefused (the budget), storage.
Result<Unpacked> unpack_archives(Fs& fs, const std::vector<std::string>& archives, const std::string& dir,
                                 const UnpackOptions& options, Job& job);

}  // namespace zkark::backup
