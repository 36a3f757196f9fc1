#pragma once
// Four-letter words: what a connection may ask instead of becoming a client's (reference/
// client-protocol-and-server section 6; Apache: FourLetterCommands and server/command). Layouts are Apache's,
// to the byte; docs/compatibility.md has the few that differ.
#include <cstddef>
#include <string_view>

#include "src/server/settings.h"

namespace zkark::server {

class Connection;
class Server;

/// How many bytes a connection that begins with these four sends before it is answered: 4, or 12 for a `stmk`
/// that is listed. 0: it is no word that has an answer, but the length of a client's first packet.
std::size_t word_size(std::string_view first, const Settings& settings);

/// Answers `bytes`, as many as word_size() says, by Connection::answer_word(): at once, or, where the disk is
/// asked (`conf`, `dirs`), later. Loop thread.
void answer_word(Server& server, Connection& asker, std::string_view bytes);

}  // namespace zkark::server
