// The wire: handshake, frames, the order of replies, sessions, limits (reference/client-protocol-and-server
// sections 1 and 4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/server_lab.h"

namespace zkark::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string kNoPassword(16, '\0');
// 37 bytes of nothing: refused or expired.
const std::string kRefused =
    "00000025 00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000 00";

// ---- the handshake

TEST(Handshake, TheRecordedSessionComesOutByteForByte) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    ServerLab lab(seed);
    Client client(lab);
    client.send(
        unhex("0000002d 00000000 0000000000000000 00002710 0000000000000000 00000010"
              "00000000000000000000000000000000 00"));
    ASSERT_TRUE(lab.loop.run_until([&] { return client.bytes_waiting() >= 41; }, 5000));
    EXPECT_EQ(hex(client.take_bytes()), hex(unhex("00000025 00000000 00002710 01000015443b0000 00000010"
                                                  "2783fe3c2813bc28dde32a52b1db59d0 00")));
    EXPECT_FALSE(client.ended());
  }
}

TEST(Handshake, AClientWithoutTheReadOnlyByteGetsNoneBack) {
  ServerLab lab;
  Client client(lab);
  client.frame(client.connect_body(10'000, 0, kNoPassword, 0, std::nullopt));
  EXPECT_EQ(welcome(client.packet().value_or("")).bytes, 36u);
  Client refused(lab);
  refused.frame(refused.connect_body(10'000, 77, kNoPassword, 0, std::nullopt));
  EXPECT_EQ(hex(refused.packet().value_or("")),
            std::string(8 + 8 + 16, '0') + "00000010" + std::string(32, '0'));
  EXPECT_TRUE(refused.ends());
}

TEST(Handshake, AskingForReadOnlyGivesAnOrdinarySession) {
  ServerLab lab;
  Client client(lab);
  client.frame(client.connect_body(10'000, 0, kNoPassword, 0, true));
  const std::string answer = client.packet().value_or("");
  ASSERT_EQ(answer.size(), 37u);
  EXPECT_EQ(answer.back(), '\0');
}

TEST(Handshake, TimeoutsAreClampedAndNotRounded) {
  ServerLab lab;
  for (const auto& [asked, given] : std::vector<std::pair<std::int32_t, std::int32_t>>{
           {0, 4000}, {-5, 4000}, {3999, 4000}, {4001, 4001}, {39'999, 39'999}, {INT32_MAX, 40'000}}) {
    Client client(lab);
    ASSERT_TRUE(client.open(asked));
    EXPECT_EQ(client.timeout_ms(), given) << asked;
  }
}

TEST(Handshake, AProtocolVersionIsNotLookedAt) {
  ServerLab lab;
  Client client(lab);
  client.frame(Fields().i(-77).l(0).i(9000).l(0).s(kNoPassword).b(false).str());
  const Welcome told = welcome(client.packet().value_or(""));
  EXPECT_EQ(told.version, 0);
  EXPECT_NE(told.session, 0);
}

TEST(Handshake, ForANewSessionThePasswordMayBeAnything) {
  ServerLab lab;
  for (const std::string& password : {Fields().s("").str(), Fields().s("x").str(), Fields().null().str(),
                                      Fields().s(std::string(100, 'p')).str()}) {
    Client client(lab);
    client.frame(Fields().i(0).l(0).i(9000).l(0).raw(password).b(false).str());
    EXPECT_NE(welcome(client.packet().value_or("")).session, 0) << hex(password);
  }
}

TEST(Handshake, AClientThatHasSeenMoreThanTheServerIsTurnedAwayWithoutAWord) {
  ServerLab lab;
  Client first(lab);
  ASSERT_TRUE(first.open());
  const std::int64_t last = lab.server().last_zxid();
  Client ahead(lab);
  ahead.frame(ahead.connect_body(9000, 0, kNoPassword, last + 1));
  EXPECT_TRUE(ahead.ends());
  EXPECT_EQ(ahead.bytes_waiting(), 0u);
  Client ahead_with_session(lab);
  ahead_with_session.frame(
      ahead_with_session.connect_body(9000, first.session(), first.password(), last + 1));
  EXPECT_TRUE(ahead_with_session.ends());
  EXPECT_EQ(ahead_with_session.bytes_waiting(), 0u);
  EXPECT_FALSE(first.ended()) << "a refused handshake took the session over";
  Client even(lab);
  even.frame(even.connect_body(9000, 0, kNoPassword, last));
  EXPECT_NE(welcome(even.packet().value_or("")).session, 0);
}

TEST(Handshake, ASessionIsTakenOverByWhoKnowsItsPassword) {
  ServerLab lab;
  Client first(lab);
  ASSERT_TRUE(first.open(30'000));
  const std::int64_t zxid = lab.server().last_zxid();
  Client second(lab);
  ASSERT_TRUE(second.reattach(first.session(), first.password(), 12'345));
  EXPECT_EQ(second.session(), first.session());
  EXPECT_EQ(second.password(), first.password());
  EXPECT_EQ(second.timeout_ms(), 12'345);
  EXPECT_TRUE(first.ends()) << "the old connection goes";
  EXPECT_EQ(first.bytes_waiting(), 0u);
  EXPECT_EQ(second.create("/a", "", 1).err, 0);
  EXPECT_EQ(lab.server().last_zxid(), zxid + 1) << "taking over is no txn";
}

TEST(Handshake, AWrongPasswordTakesNothingFromTheOwner) {
  ServerLab lab;
  Client owner(lab);
  ASSERT_TRUE(owner.open());
  std::string wrong = owner.password();
  wrong[15] ^= 1;
  for (const std::string& password : {wrong, std::string(), std::string(15, 'x'), owner.password() + "x",
                                      owner.password().substr(0, 15), kNoPassword}) {
    Client thief(lab);
    thief.frame(thief.connect_body(9000, owner.session(), password));
    EXPECT_EQ(hex(Fields().s(thief.packet().value_or("")).str()), hex(unhex(kRefused)));
    EXPECT_TRUE(thief.ends());
  }
  Client null_password(lab);
  null_password.frame(Fields().i(0).l(0).i(9000).l(owner.session()).null().b(false).str());
  EXPECT_EQ(hex(Fields().s(null_password.packet().value_or("")).str()), hex(unhex(kRefused)));
  EXPECT_EQ(owner.ping().err, 0);
  EXPECT_FALSE(owner.ended());
}

TEST(Handshake, AnUnknownSessionIsRefusedWithZeros) {
  ServerLab lab;
  for (const std::int64_t session : {std::int64_t{-1}, std::int64_t{1}, INT64_MIN, INT64_MAX}) {
    Client client(lab);
    const Password password = session_password(session);
    client.frame(client.connect_body(9000, session, as_text(password)));
    EXPECT_EQ(hex(Fields().s(client.packet().value_or("")).str()), hex(unhex(kRefused))) << session;
    EXPECT_TRUE(client.ends());
  }
}

TEST(Handshake, AClosedSessionIsUnknownEvenWhileItCloses) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  lab.worker->hold();
  client.request(OpCode::kCloseSession, "");
  lab.loop.advance(50);
  Client again(lab);
  EXPECT_FALSE(again.reattach(client.session(), client.password()));
  EXPECT_TRUE(again.ends());
  lab.worker->release();
  EXPECT_TRUE(client.ends());
  Client late(lab);
  EXPECT_FALSE(late.reattach(client.session(), client.password()));
}

TEST(Handshake, RequestsSentRightBehindItAreAnsweredAfterIt) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    ServerLab lab(seed);
    Client client(lab);
    client.send(Fields().s(client.connect_body(9000)).str() + Fields().s(Fields().i(-2).i(11).str()).str() +
                Fields().s(Fields().i(1).i(3).s("/").b(false).str()).str());
    EXPECT_NE(welcome(client.packet().value_or("")).session, 0);
    EXPECT_TRUE(client.reply(1).came);
    EXPECT_THAT(client.trace, ElementsAre("#-2", "#1")) << seed;
  }
}

TEST(Handshake, OneThatCannotBeDecodedEndsTheConnection) {
  ServerLab lab;
  for (const std::string& body : {std::string(), std::string(3, 'x'), std::string(27, '\0'),
                                  Fields().i(0).l(0).i(9000).l(0).i(500).raw("short").str(),
                                  Fields().i(0).l(0).i(9000).l(0).i(-2).b(false).str()}) {
    Client client(lab);
    client.frame(body);
    EXPECT_TRUE(client.ends()) << hex(body);
    EXPECT_EQ(client.bytes_waiting(), 0u);
  }
}

TEST(Handshake, NoHandshakeNoStay) {
  ServerLab lab;
  Client silent(lab);
  lab.loop.advance(9'900);
  EXPECT_FALSE(silent.ended());
  EXPECT_TRUE(silent.ends(10'500)) << "after 10 to 20 s";
  EXPECT_EQ(silent.bytes_waiting(), 0u);
}

// ---- lengths

TEST(Frames, ALengthBeyondTheBufferOrBelowZeroEndsTheConnectionAtOnce) {
  ServerLab lab;
  for (const char* length : {"00100000", "7fffffff", "ffffffff", "80000000"}) {
    Client fresh(lab);
    fresh.send(unhex(length));
    EXPECT_TRUE(fresh.ends()) << length << " as the first bytes";
    EXPECT_EQ(fresh.bytes_waiting(), 0u);
    Client open(lab);
    ASSERT_TRUE(open.open());
    open.send(unhex(length));
    EXPECT_TRUE(open.ends()) << length << " within a session";
    EXPECT_EQ(open.bytes_waiting(), 0u);
  }
}

TEST(Frames, ALengthOfExactlyTheBufferIsTaken) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  // create: 8 of header, path 4 + 2, data 4 + n, acl 4 + 4 + 4+5 + 4+6, flags 4.
  const std::size_t fixed = 8 + 6 + 4 + 27 + 4;
  const std::string data(0xfffff - fixed, 'd');
  EXPECT_EQ(client.create("/b", data).err, 0);
  EXPECT_EQ(client.get("/b").body.substr(4, data.size()), data);
  Client fresh(lab);
  fresh.send(unhex("000fffff"));
  lab.loop.advance(500);
  EXPECT_FALSE(fresh.ended());
  const std::string body = fresh.connect_body(9000);
  fresh.send(body + std::string(0xfffff - body.size(), '\0'));
  EXPECT_NE(welcome(fresh.packet().value_or("")).session, 0) << "what follows the record is ignored";
}

TEST(Frames, FourLetterWordsAreLengthsInsideASession) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  client.send("ruok");
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(client.bytes_waiting(), 0u);
  for (const char* unknown : {"RUOK", "kill", "reqs"}) {
    Client fresh(lab);
    fresh.send(unknown);
    EXPECT_TRUE(fresh.ends()) << unknown;
    EXPECT_EQ(fresh.bytes_waiting(), 0u);
  }
}

TEST(Frames, ARequestTooShortForItsHeaderEndsTheConnection) {
  ServerLab lab;
  for (const std::size_t size : {0u, 1u, 4u, 7u}) {
    Client client(lab);
    ASSERT_TRUE(client.open());
    client.frame(std::string(size, '\0'));
    EXPECT_TRUE(client.ends()) << size;
    EXPECT_EQ(client.bytes_waiting(), 0u);
  }
}

// ---- the recorded packets

TEST(RecordedPackets, ComeOutByteForByteHoweverTheBytesArrive) {
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(seed);
    ServerLab lab(seed);
    Client client(lab);
    ASSERT_TRUE(client.open());
    ASSERT_EQ(hex(Fields().l(client.session()).str()), "01000015443b0000");
    ASSERT_EQ(client.create("/o").err, 0);
    ASSERT_EQ(client.get("/o", true).err, 0);
    // Refused writes use up zxids.
    while (lab.server().last_zxid() < 0x1c) ASSERT_EQ(client.remove("/no").err, -101);
    const std::int64_t now = lab.clock.wall().ms;
    client.send(
        unhex("00000034 00000001 0000000f 000000032f6878 00000002 7631 00000001 0000001f 00000005"
              "776f726c64 00000006 616e796f6e65 00000001"));
    ASSERT_TRUE(lab.loop.run_until([&] { return client.bytes_waiting() >= 4 + 0x5b; }, 5000));
    std::string answer = client.take_bytes();
    ASSERT_EQ(answer.size(), 4u + 0x5b);
    const std::string times = answer.substr(4 + 16 + 7 + 16, 16);
    const std::string stat = "000000000000001d 000000000000001d" + hex(times) +
                             "00000000 00000000 00000000 01000015443b0000 00000002 00000000"
                             "000000000000001d";
    EXPECT_EQ(hex(answer), hex(unhex("0000005b 00000001 000000000000001d 00000000 000000032f6878" + stat)));
    EXPECT_EQ(times.substr(0, 8), times.substr(8)) << "ctime is mtime";
    EXPECT_LE(now, std::stoll(hex(times.substr(0, 8)), nullptr, 16));
    EXPECT_GE(lab.clock.wall().ms, std::stoll(hex(times.substr(0, 8)), nullptr, 16));
    // Pipelined: reads, ping and a multi that fails.
    client.send(
        unhex("00000010 00000002 00000004 000000032f6878 00"
              "00000010 00000003 00000003 000000032f6e78 01"
              "00000039 00000004 0000000e 0000000d 00 ffffffff 000000032f6878 00000000"
              "00000002 00 ffffffff 000000032f6e78 ffffffff ffffffff 01 ffffffff"
              "00000008 fffffffe 0000000b"));
    const std::string wanted =
        unhex("0000005a 00000002 000000000000001d 00000000 00000002 7631" + stat +
              "00000010 00000003 000000000000001d ffffff9b"
              "00000033 00000004 000000000000001e 00000000 ffffffff 00 00000000 00000000"
              "ffffffff 00 ffffff9b ffffff9b ffffffff 01 ffffffff"
              "00000010 fffffffe 000000000000001e 00000000");
    lab.loop.run_until([&] { return client.bytes_waiting() >= wanted.size(); }, 5000);
    EXPECT_EQ(hex(client.take_bytes()), hex(wanted));
    // addAuth, then an event and the write that made it.
    client.send(unhex("00000020 fffffffc 00000064 00000000 00000006 646967657374 00000006 626f623a7077"));
    lab.loop.run_until([&] { return client.bytes_waiting() >= 20; }, 5000);
    EXPECT_EQ(hex(client.take_bytes()), hex(unhex("00000010 fffffffc 0000000000000000 00000000")));
    ASSERT_EQ(client.set("/o", "x").err, 0);
    client.send(unhex("00000008 fffffffe 0000000b"));
    EXPECT_EQ(client.trace[client.trace.size() - 2], "DataChanged /o");
  }
}

TEST(RecordedPackets, AnEventIsWrittenAsThatOf38) {
  ServerLab lab;
  Client client(lab), other(lab);
  ASSERT_TRUE(client.open());
  ASSERT_TRUE(other.open());
  ASSERT_EQ(client.create("/o").err, 0);
  ASSERT_EQ(client.get("/o", true).err, 0);
  ASSERT_EQ(other.set("/o", "x").err, 0);
  lab.settle();
  EXPECT_EQ(hex(client.take_bytes()),
            hex(unhex("0000001e ffffffff ffffffffffffffff 00000000 00000003 00000003 000000022f6f")));
}

// ---- headers

TEST(Headers, AnyXidIsEchoedAndAPingIsAlwaysMinusTwo) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  for (const std::int32_t xid : {5, 5, 0, INT32_MAX, INT32_MIN, -8}) {
    client.frame(Fields().i(xid).i(3).s("/").b(false).str());
    const Reply reply = client.reply(xid);
    EXPECT_TRUE(reply.came) << xid;
  }
  client.frame(Fields().i(-1).i(9).s("/").str());
  EXPECT_EQ(client.packet().value_or("").substr(0, 4), unhex("ffffffff"));
  client.frame(Fields().i(4711).i(11).str());
  EXPECT_TRUE(client.reply(-2).came);
}

TEST(Headers, EveryErrorHasTheLastZxidAndNoBody) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  const Reply missing = client.get("/no");
  EXPECT_EQ(missing.err, -101);
  EXPECT_EQ(missing.body, "");
  EXPECT_EQ(missing.zxid, 1);
  const Reply refused = client.remove("/no");
  EXPECT_EQ(refused.err, -101);
  EXPECT_EQ(refused.body, "");
  EXPECT_EQ(refused.zxid, 2) << "a write that fails has a zxid of its own";
  EXPECT_EQ(client.get("/no").zxid, 2);
}

TEST(Headers, UnknownOperationsAreUnimplementedWithZxidMinusOneThenTheEnd) {
  for (const std::int32_t op : {0, -1, 10, 99, 108, 13, 23, INT32_MAX, INT32_MIN}) {
    ServerLab lab;
    Client client(lab);
    ASSERT_TRUE(client.open());
    client.frame(Fields().i(7).i(op).s("/a").i(-1).str());
    client.frame(Fields().i(8).i(3).s("/").b(false).str());
    const Reply reply = client.reply(7);
    EXPECT_TRUE(reply.came) << op;
    EXPECT_EQ(reply.err, -6) << op;
    EXPECT_EQ(reply.zxid, -1) << op;
    EXPECT_EQ(reply.body, "") << op;
    EXPECT_TRUE(client.ends()) << op;
    EXPECT_EQ(client.bytes_waiting(), 0u) << "a request behind it was answered";
    EXPECT_EQ(lab.server().state().sessions.count(client.session()), 1u) << "the session lives on";
  }
}

TEST(Headers, AnUnknownOperationWaitsForTheRepliesBeforeIt) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  lab.worker->hold();
  client.request(OpCode::kCreate, create_body("/a"));
  client.frame(Fields().i(2).i(99).str());
  lab.loop.advance(50);
  lab.worker->release();
  EXPECT_EQ(client.reply(2).err, -6);
  EXPECT_THAT(client.trace, ElementsAre("#1", "#2 -6"));
  EXPECT_TRUE(client.ends());
}

TEST(Headers, TheServersOwnOperationsAreRefusedFromClients) {
  ServerLab lab;
  for (const OpCode op : {OpCode::kCreateSession, OpCode::kDeleteContainer}) {
    Client client(lab);
    ASSERT_TRUE(client.open());
    ASSERT_EQ(client.create("/plain").err == 0 || client.exists("/plain").err == 0, true);
    client.frame(Fields().i(9).i(static_cast<std::int32_t>(op)).s("/plain").i(30'000).str());
    const std::optional<std::string> answer = client.packet(2000);
    if (answer) {
      EXPECT_EQ(hex(answer->substr(12, 3)), "ffffff") << "an error code";
    }
    EXPECT_TRUE(answer || client.ended()) << "no answer at all";
    Client other(lab);
    ASSERT_TRUE(other.open());
    EXPECT_EQ(other.exists("/plain").err, 0) << "deleted by who may not";
  }
}

TEST(Headers, ABodyThatCannotBeDecodedIsAMarshallingErrorAndTheConnectionStays) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  for (const OpCode op : {OpCode::kCreate,        OpCode::kCreate2,       OpCode::kCreateContainer,
                          OpCode::kDelete,        OpCode::kSetData,       OpCode::kGetData,
                          OpCode::kExists,        OpCode::kGetAcl,        OpCode::kSetAcl,
                          OpCode::kGetChildren,   OpCode::kGetChildren2,  OpCode::kSync,
                          OpCode::kMulti,         OpCode::kMultiRead,     OpCode::kCheckWatches,
                          OpCode::kRemoveWatches, OpCode::kSetWatches,    OpCode::kSetWatches2,
                          OpCode::kAddWatch,      OpCode::kGetEphemerals, OpCode::kGetAllChildrenNumber}) {
    for (const std::string& body : {std::string(), std::string("\0\0\0", 3), unhex("00000064 2f"),
                                    unhex("fffffffe 00000000"), unhex("7fffffff 2f61")}) {
      const Reply reply = client.call(op, body);
      EXPECT_TRUE(reply.came) << static_cast<int>(op) << " " << hex(body);
      EXPECT_EQ(reply.err, -5) << static_cast<int>(op) << " " << hex(body);
      if (op != OpCode::kMultiRead) {
        EXPECT_EQ(reply.body, "") << static_cast<int>(op);
      }
      if (!reply.came) return;
    }
  }
  EXPECT_EQ(client.ping().err, 0);
}

TEST(Headers, WhatFollowsARequestInItsFrameIsIgnored) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  EXPECT_EQ(client.call(OpCode::kCreate, create_body("/a") + "rubbish").err, 0);
  EXPECT_EQ(client.call(OpCode::kExists, Fields().s("/a").b(false).raw("rubbish")).err, 0);
  EXPECT_EQ(client.call(OpCode::kPing, "rubbish").err, 0);
  EXPECT_EQ(client.call(OpCode::kDelete, Fields().s("/a").i(-1).raw("rubbish")).err, 0);
}

TEST(Headers, AnyByteButZeroIsTrue) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  ASSERT_EQ(client.create("/a").err, 0);
  ASSERT_EQ(client.call(OpCode::kGetData, Fields().s("/a").raw("\x7f")).err, 0);
  ASSERT_EQ(client.set("/a", "x").err, 0);
  EXPECT_THAT(client.take_events(), ElementsAre("DataChanged /a"));
}

// ---- order

TEST(Order, RepliesComeInTheOrderOfRequestsWhateverTheyAre) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    ServerLab lab(seed);
    Client client(lab);
    ASSERT_TRUE(client.open());
    std::vector<std::string> wanted;
    std::string bytes;
    for (std::int32_t xid = 1; xid <= 60; ++xid) {
      const std::uint64_t kind = lab.loop.random().below(6);
      const std::string path = "/n" + std::to_string(lab.loop.random().below(5));
      Fields body;
      std::int32_t shown = xid;
      if (kind == 0) {
        body.i(xid).i(1).raw(create_body(path));
      } else if (kind == 1) {
        body.i(xid).i(5).s(path).s("x").i(-1);
      } else if (kind == 2) {
        body.i(-2).i(11), shown = -2;
      } else if (kind == 3) {
        body.i(xid).i(9).s(path);
      } else {
        body.i(xid).i(4).s(path).b(false);
      }
      bytes += Fields().s(body.str()).str();
      wanted.push_back(std::to_string(shown));
    }
    client.send(bytes);
    std::vector<std::string> got;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const std::optional<std::string> packet = client.packet();
      ASSERT_TRUE(packet) << seed << " reply " << i;
      Reply header;
      header.body = *packet;
      got.push_back(std::to_string(header.i(0)));
    }
    EXPECT_EQ(got, wanted) << seed;
  }
}

TEST(Order, AReadBehindAnOwnWriteSeesItAndOneOfAnotherConnectionDoesNot) {
  ServerLab lab;
  Client writer(lab), reader(lab);
  ASSERT_TRUE(writer.open());
  ASSERT_TRUE(reader.open());
  ASSERT_EQ(writer.create("/a", "old").err, 0);
  lab.worker->hold();
  const std::int32_t write = writer.request(OpCode::kSetData, Fields().s("/a").s("new").i(-1));
  const std::int32_t read = writer.request(OpCode::kGetData, Fields().s("/a").b(false));
  const std::int32_t made = writer.request(OpCode::kCreate, create_body("/b"));
  lab.loop.advance(200);
  EXPECT_EQ(writer.bytes_waiting(), 0u) << "answered before it was on disk";
  EXPECT_EQ(reader.get("/a").text(), "old");
  EXPECT_EQ(reader.exists("/b").err, -101);
  EXPECT_THAT(names(reader.children("/")), UnorderedElementsAre("a", "zookeeper"));
  EXPECT_EQ(reader.get("/a").zxid, 3) << "the zxid of what it saw";
  EXPECT_EQ(lab.server().last_zxid(), 3);
  lab.worker->release();
  EXPECT_EQ(writer.reply(write).err, 0);
  EXPECT_EQ(writer.reply(read).text(), "new");
  EXPECT_EQ(writer.reply(made).err, 0);
  EXPECT_EQ(reader.get("/a").text(), "new");
}

TEST(Order, APingBehindAWriteWaitsForIt) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  lab.worker->hold();
  client.request(OpCode::kCreate, create_body("/a"));
  client.request(OpCode::kPing, "");
  lab.loop.advance(100);
  EXPECT_EQ(client.bytes_waiting(), 0u);
  lab.worker->release();
  ASSERT_TRUE(client.reply(-2).came);
  EXPECT_THAT(client.trace, ElementsAre("#1", "#-2"));
}

TEST(Order, WritesOfManyClientsAreAppliedInTheOrderOfTheirZxids) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ServerLab lab(seed);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 4; ++i) {
      clients.push_back(std::make_unique<Client>(lab));
      ASSERT_TRUE(clients.back()->open());
    }
    ASSERT_EQ(clients[0]->create("/a").err, 0);
    std::vector<std::vector<std::int32_t>> xids(4);
    for (int round = 0; round < 20; ++round)
      for (std::size_t c = 0; c < 4; ++c)
        xids[c].push_back(clients[c]->request(OpCode::kSetData, Fields().s("/a").s("x").i(-1)));
    std::set<std::int32_t> versions;
    for (std::size_t c = 0; c < 4; ++c) {
      std::int64_t before = 0;
      for (const std::int32_t xid : xids[c]) {
        const WireStat stat = last_stat(clients[c]->reply(xid));
        EXPECT_GT(stat.mzxid, before);
        before = stat.mzxid;
        EXPECT_TRUE(versions.insert(stat.version).second) << "two writes made one version";
      }
    }
    EXPECT_EQ(versions.size(), 80u);
    EXPECT_EQ(*versions.rbegin(), 80);
  }
}

// ---- sessions

TEST(Sessions, CloseSessionIsAnsweredThenTheConnectionEndsAndWhatStoodBehindIsDropped) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ServerLab lab(seed);
    Client client(lab), watcher(lab);
    ASSERT_TRUE(client.open());
    ASSERT_TRUE(watcher.open());
    ASSERT_EQ(client.create("/p").err, 0);
    ASSERT_EQ(client.create("/p/e", "", 1).err, 0);
    ASSERT_EQ(watcher.exists("/p/e", true).err, 0);
    ASSERT_EQ(watcher.children("/p", true).err, 0);
    client.trace.clear();
    const std::string close = Fields().s(Fields().i(50).i(-11).str());
    const std::string read = Fields().s(Fields().i(51).i(3).s("/").b(false).str());
    const std::string write = Fields().s(Fields().i(52).i(1).raw(create_body("/late")).str());
    client.send(close + read + write);
    EXPECT_EQ(client.reply(50).err, 0);
    EXPECT_TRUE(client.ends());
    EXPECT_EQ(client.bytes_waiting(), 0u) << seed;
    EXPECT_THAT(watcher.take_events(), ElementsAre("Deleted /p/e", "ChildrenChanged /p"));
    EXPECT_EQ(watcher.exists("/late").err, -101);
    EXPECT_EQ(watcher.exists("/p/e").err, -101);
    EXPECT_EQ(watcher.remove("/p").err, 0) << "the parent of an ephemeral that is gone is empty";
    EXPECT_EQ(lab.server().state().sessions.count(client.session()), 0u);
  }
}

TEST(Sessions, ASilentClientDiesWithinATickAfterItsTimeout) {
  // Section 4, tick 500: 1000, 1200 and 2000 ms ended 1.08, 1.50 and 2.49 s after the last word.
  for (const std::int32_t timeout : {1000, 1200, 2000, 4000}) {
    Settings settings = lab_settings();
    settings.tick_ms = 500, settings.min_session_timeout_ms = 1000;
    ServerLab lab(3, settings);
    Client silent(lab), watcher(lab);
    ASSERT_TRUE(silent.open(timeout));
    ASSERT_TRUE(watcher.open(40'000));
    ASSERT_EQ(silent.create("/e", "", 1).err, 0);
    ASSERT_EQ(watcher.exists("/e", true).err, 0);
    const std::int64_t zxid = lab.server().last_zxid();
    ASSERT_EQ(silent.ping().err, 0);
    const std::int64_t last_word = lab.clock.wall().ms;
    ASSERT_TRUE(lab.loop.run_until([&] { return lab.server().last_zxid() > zxid; }, 20'000));
    const std::int64_t lasted = lab.clock.wall().ms - last_word;
    EXPECT_GE(lasted, timeout - 5) << "the ping was on its way for a moment";
    EXPECT_LE(lasted, timeout + 500 + 10) << timeout;
    EXPECT_TRUE(silent.ends());
    EXPECT_EQ(silent.bytes_waiting(), 0u) << "without a notice";
    EXPECT_THAT(watcher.take_events(), ElementsAre("Deleted /e"));
    EXPECT_EQ(lab.server().last_zxid(), zxid + 1);
    EXPECT_EQ(lab.server().state().sessions.count(silent.session()), 0u);
  }
}

TEST(Sessions, PingsKeepASessionForEverAndCostNoZxid) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open(4000));
  for (int i = 0; i < 30; ++i) {
    lab.loop.advance(3900);
    ASSERT_EQ(client.ping().err, 0) << i;
  }
  EXPECT_EQ(lab.server().last_zxid(), 1);
}

TEST(Sessions, ASessionWithoutAConnectionExpiresAndCanBeTakenUpBefore) {
  ServerLab lab;
  auto client = std::make_unique<Client>(lab);
  ASSERT_TRUE(client->open(6000));
  ASSERT_EQ(client->create("/e", "", 1).err, 0);
  const std::int64_t session = client->session();
  const std::string password = client->password();
  client->hang_up();
  lab.loop.advance(5500);
  Client again(lab);
  ASSERT_TRUE(again.reattach(session, password, 6000));
  EXPECT_EQ(again.exists("/e").err, 0);
  again.hang_up();
  lab.loop.advance(8500);
  Client late(lab);
  EXPECT_FALSE(late.reattach(session, password, 6000));
  Client looks(lab);
  ASSERT_TRUE(looks.open());
  EXPECT_EQ(looks.exists("/e").err, -101);
}

TEST(Sessions, IdsCountUpFromTheClock) {
  ServerLab lab;
  Client a(lab), b(lab);
  ASSERT_TRUE(a.open());
  ASSERT_TRUE(b.open());
  EXPECT_EQ(b.session(), a.session() + 1);
}

TEST(Sessions, ANewServerOverTheSameDirectoryKeepsSessionsAndEphemerals) {
  ServerLab lab;
  auto client = std::make_unique<Client>(lab);
  ASSERT_TRUE(client->open(8000));
  ASSERT_EQ(client->create("/e", "mine", 1).err, 0);
  ASSERT_EQ(client->create("/s-", "", 2).err, 0);
  const std::int64_t session = client->session();
  const std::string password = client->password();
  lab.settle();
  lab.kill();
  client.reset();
  lab.loop.advance(60'000);
  lab.start();
  lab.loop.advance(7500);  // every session has its full timeout from the start on
  Client again(lab);
  ASSERT_TRUE(again.reattach(session, password, 8000));
  EXPECT_EQ(again.get("/e").text(), "mine");
  EXPECT_EQ(again.create("/s-", "", 2).text(), "/s-0000000002");
  Client fresh(lab);
  ASSERT_TRUE(fresh.open());
  EXPECT_NE(fresh.session(), session) << "an id is given twice";
  again.hang_up();
  lab.loop.advance(12'000);
  EXPECT_EQ(fresh.exists("/e").err, -101) << "and dies as any other";
}

TEST(Sessions, NoIdIsGivenTwiceWhenTheClockStandsStill) {
  ServerLab lab;
  auto client = std::make_unique<Client>(lab);
  ASSERT_TRUE(client->open(40'000));
  const std::int64_t first = client->session();
  client.reset();
  lab.settle();
  lab.kill();
  lab.clock.set_wall({0x15443b});
  lab.start();
  Client next(lab);
  ASSERT_TRUE(next.open(40'000));
  EXPECT_NE(next.session(), first);
  EXPECT_EQ(lab.server().state().sessions.size(), 2u);
}

// ---- limits

TEST(Limits, TheFifthConnectionOfAnAddressIsClosedWithoutAByte) {
  Settings settings = lab_settings();
  settings.max_client_cnxns = 4;
  ServerLab lab(1, settings);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<Client>(lab));
    ASSERT_TRUE(clients.back()->open());
  }
  Client fifth(lab);
  EXPECT_TRUE(fifth.ends());
  EXPECT_EQ(fifth.bytes_waiting(), 0u);
  Client elsewhere(lab, "10.0.0.9");
  EXPECT_TRUE(elsewhere.open());
  clients[0]->hang_up();
  lab.settle();
  Client instead(lab);
  EXPECT_TRUE(instead.open()) << "a place is free again";
}

TEST(Limits, MaxCnxnsCountsAllAddresses) {
  Settings settings = lab_settings();
  settings.max_cnxns = 2;
  ServerLab lab(1, settings);
  Client a(lab, "10.0.0.1"), b(lab, "10.0.0.2"), c(lab, "10.0.0.3");
  EXPECT_TRUE(a.open());
  EXPECT_TRUE(b.open());
  EXPECT_TRUE(c.ends());
  EXPECT_EQ(c.bytes_waiting(), 0u);
}

TEST(Limits, AServerWithTooMuchToDoAnswersAllTheSame) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Settings settings = lab_settings();
    settings.global_outstanding_limit = 5;
    ServerLab lab(seed, settings);
    Client client(lab), other(lab);
    ASSERT_TRUE(client.open());
    ASSERT_TRUE(other.open());
    for (int i = 0; i < 200; ++i) client.request(OpCode::kCreate, create_body("/s", "", 2));
    for (int i = 0; i < 50; ++i) other.request(OpCode::kCreate, create_body("/t", "", 2));
    EXPECT_EQ(client.reply(200).err, 0) << seed;
    EXPECT_EQ(other.reply(50).err, 0) << seed;
    EXPECT_EQ(client.trace.size(), 200u);
    EXPECT_EQ(lab.server().outstanding(), 0u);
  }
}

TEST(Limits, OverTheLimitAConnectionIsNotReadFurther) {
  Settings settings = lab_settings();
  settings.global_outstanding_limit = 5;
  ServerLab lab(1, settings);
  Client client(lab);
  ASSERT_TRUE(client.open());
  lab.worker->hold();
  for (int i = 0; i < 500; ++i) client.request(OpCode::kCreate, create_body("/s", std::string(1000, 'x'), 2));
  lab.loop.advance(500);
  EXPECT_LE(lab.server().outstanding(), 20u);
  lab.worker->release();
  EXPECT_EQ(client.reply(500).err, 0);
}

TEST(Limits, WhoDoesNotReadCostsLittleMemory) {
  ServerLab lab;
  Client client(lab), other(lab);
  ASSERT_TRUE(client.open(40'000));
  ASSERT_TRUE(other.open(40'000));
  ASSERT_EQ(client.create("/big", std::string(200'000, 'x')).err, 0);
  lab.net.stall(client.link(), true);
  for (int i = 0; i < 200; ++i) client.request(OpCode::kGetData, Fields().s("/big").b(false));
  lab.loop.advance(1000);
  std::int64_t received = 0;
  for (const auto& connection : lab.server().connections())
    received = std::max(received, connection->stats().received);
  EXPECT_LT(received, 100) << "so many requests were answered to a client that reads nothing";
  EXPECT_EQ(other.exists("/big").err, 0) << "others are served";
  lab.net.stall(client.link(), false);
  EXPECT_EQ(client.reply(201).err, 0);
  EXPECT_EQ(client.trace.size(), 201u) << "and all comes in the end";
}

TEST(Limits, WhatCameBeforeAClientStoppedReadingIsAnsweredWhenItReadsAgain) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    ServerLab lab(seed);
    Client client(lab);
    ASSERT_TRUE(client.open(40'000));
    ASSERT_EQ(client.create("/big", std::string(500'000, 'x')).err, 0);
    lab.net.stall(client.link(), true);
    // All of them are with the server before it notices; nothing comes behind them that would wake it.
    for (int i = 0; i < 30; ++i) client.request(OpCode::kGetData, Fields().s("/big").b(false));
    lab.loop.advance(1000);
    lab.net.stall(client.link(), false);
    EXPECT_EQ(client.reply(31).err, 0) << seed;
    EXPECT_EQ(client.trace.size(), 31u) << seed;
  }
}

TEST(Limits, EventsToWhoDoesNotReadDoNotGrowWithoutEnd) {
  ServerLab lab;
  Client lazy(lab), writer(lab);
  ASSERT_TRUE(lazy.open(40'000));
  ASSERT_TRUE(writer.open(40'000));
  ASSERT_EQ(writer.create("/a").err, 0);
  ASSERT_EQ(lazy.add_watch("/a", 0).err, 0);
  lab.net.stall(lazy.link(), true);
  for (int i = 0; i < 200; ++i) ASSERT_EQ(writer.set("/a", "x").err, 0);
  lab.net.stall(lazy.link(), false);
  EXPECT_EQ(lazy.take_events().size(), 200u) << "and none is lost";
}

TEST(Sessions, OneOfAServedPointIsGoneWhenItsClientClosesIt) {
  ServerLab lab;
  lab.kill();
  lab.settings.read_only = true;
  lab.start();
  Client client(lab);
  ASSERT_TRUE(client.open());
  EXPECT_EQ(lab.server().sessions().size(), 1u);
  EXPECT_EQ(client.call(OpCode::kCloseSession, "").err, 0);
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(lab.server().sessions().size(), 0u);
}

// ---- a disk that fails

TEST(BadDisk, NothingIsAcknowledgedAfterASyncThatFailed) {
  for (const test::OpKind kind : {test::OpKind::kSync, test::OpKind::kAppend}) {
    ServerLab lab;
    lab.no_check_at_the_end();
    Client client(lab), other(lab);
    ASSERT_TRUE(client.open());
    ASSERT_TRUE(other.open());
    ASSERT_EQ(client.create("/before").err, 0);
    test::Fault fault;
    fault.kinds = test::op(kind);
    lab.fs.arm(fault);
    const std::int32_t xid = client.request(OpCode::kCreate, create_body("/after"));
    client.request(OpCode::kGetData, Fields().s("/before").b(false));
    EXPECT_TRUE(client.ends());
    EXPECT_TRUE(other.ends()) << "everybody is sent away";
    EXPECT_EQ(client.bytes_waiting(), 0u) << "answered: " << xid;
    ASSERT_EQ(lab.failures.size(), 1u) << "told once";
    EXPECT_EQ(lab.server().last_zxid(), 3) << "applied what is not on disk";
    lab.fs.disarm();
    Client late(lab);
    EXPECT_FALSE(late.open()) << "nobody is let in any more";
    lab.loop.advance(100'000);
    EXPECT_EQ(lab.failures.size(), 1u);
    EXPECT_EQ(lab.server().last_zxid(), 3);
  }
}

TEST(BadDisk, AFullDiskEndsTheServerAndWhatWasAcknowledgedIsThere) {
  ServerLab lab;
  lab.no_check_at_the_end();
  Client client(lab);
  ASSERT_TRUE(client.open());
  lab.fs.set_free_bytes(20'000);
  std::vector<std::string> acknowledged;
  for (int i = 0; i < 200 && !client.ended(); ++i) {
    const std::string path = "/n" + std::to_string(i);
    const Reply reply = client.create(path, std::string(500, 'x'));
    if (reply.came && reply.err == 0) acknowledged.push_back(path);
  }
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(lab.failures.size(), 1u);
  EXPECT_GT(acknowledged.size(), 5u);
  lab.fs.set_unlimited();
  std::optional<restore::ReplayResult> found = lab.replayed();
  ASSERT_TRUE(found);
  for (const std::string& path : acknowledged) EXPECT_NE(found->state.tree.find(path), restore::kNoNode);
}

// ---- the end

TEST(Stop, WhatIsOnItsWayIsFinishedAndEverybodyIsSentAway) {
  ServerLab lab;
  Client client(lab), silent(lab);
  ASSERT_TRUE(client.open());
  lab.worker->hold();
  client.request(OpCode::kCreate, create_body("/a"));
  lab.loop.advance(20);
  int stopped = 0;
  lab.server().stop([&] { ++stopped; });
  lab.loop.advance(100);
  EXPECT_EQ(stopped, 0) << "a write is still on its way";
  lab.worker->release();
  ASSERT_TRUE(lab.loop.run_until([&] { return stopped != 0; }, 20'000));
  EXPECT_TRUE(client.ends());
  EXPECT_TRUE(silent.ends());
  lab.loop.advance(5000);
  EXPECT_EQ(stopped, 1);
  EXPECT_NE(lab.server().state().tree.find("/a"), restore::kNoNode);
  EXPECT_EQ(lab.server().state().sessions.count(client.session()), 1u) << "sessions survive";
  Client late(lab);
  EXPECT_FALSE(late.open());
}

TEST(Stop, AServerThatDoesNothingStopsAtOnce) {
  ServerLab lab;
  int stopped = 0;
  lab.server().stop([&] { ++stopped; });
  lab.loop.advance(2000);
  EXPECT_EQ(stopped, 1);
}

}  // namespace
}  // namespace zkark::server
