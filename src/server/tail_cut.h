#pragma once
// What a power cut left of writes that nobody was told of, at the end of a log of this server.
//
// Where Apache's logs end in bytes that are no torn write, only a person can say whether acknowledged records
// stood there. A server that knows how its own log was written can say more:
//   - Records are acknowledged after the sync that made them durable, one group at a time, so a power cut
//     harms nothing but the last group, and that one whole: behind its first damaged record nothing was
//     acknowledged.
//   - `zkark.synced` (commit_log.h) is written after each sync. It has no sync of its own and may lag after a
//     power cut, so above it stand acknowledged records, too; but never undecodable ones, unless the disk
//     itself lost what it had. Every record up to the first undecodable one is kept.
//   - `zkark.writing` names the log that is being written, durably before the file exists. A newer log, or
//     one of that name whose records do not fit the mark, is somebody else's.
// Rot is told from a crash where it can be: what is damaged below the mark was synced; and where intact
// records follow the damage above it, a crash must have left a whole sector of zeros before them (the room
// that was made for the log and not written over). Neither is ever cut.
#include <optional>
#include <string>

#include "formats/base/fs.h"
#include "restore/finding.h"

namespace zkark::server {

inline constexpr std::string_view kWritingNote = "zkark.writing";
std::string format_writing_note(std::string_view log);
/// The log's name; nullopt for what is torn or no such note.
std::optional<std::string> parse_writing_note(std::string_view text);

/// Cuts such a tail off the newest log in `log_dir`. Its bytes are kept beside it, under a name that no
/// server takes for a log; a log that has no record left goes there whole. The finding, a note, says what was
/// cut and where it is. Nullopt: nothing is to be cut, or not by us; what stands there is for the caller to
/// judge. Atomic: after a failure or a crash the log is as before, or cut.
Result<std::optional<restore::Finding>> cut_unsynced_tail(Fs& fs, const std::string& log_dir);

}  // namespace zkark::server
