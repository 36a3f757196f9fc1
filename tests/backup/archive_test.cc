#include "src/backup/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/txn_log.h"
#include "restore/data_dir.h"
#include "src/backup/unpacked_source.h"
#include "tests/support/load_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::backup {
namespace {

using test::LogBuilder;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// One entry of a tarball made here.
struct Entry {
  std::string name;
  std::string content;
  int type = AE_IFREG;
  std::string link = {};
};

std::string tarball(const std::vector<Entry>& entries, int filter = ARCHIVE_FILTER_NONE,
                    int format = ARCHIVE_FORMAT_TAR_GNUTAR) {
  std::string bytes(8 << 20, '\0');
  std::size_t used = 0;
  archive* out = archive_write_new();
  archive_write_add_filter(out, filter);
  archive_write_set_format(out, format);
  archive_write_set_bytes_in_last_block(out, 1);
  EXPECT_EQ(archive_write_open_memory(out, bytes.data(), bytes.size(), &used), ARCHIVE_OK);
  for (const Entry& one : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, one.name.c_str());
    archive_entry_set_filetype(entry, static_cast<unsigned>(one.type));
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(one.content.size()));
    if (one.type == AE_IFLNK) archive_entry_set_symlink(entry, one.link.c_str());
    if (one.type == AE_IFREG && !one.link.empty()) archive_entry_set_hardlink(entry, one.link.c_str());
    EXPECT_EQ(archive_write_header(out, entry), ARCHIVE_OK) << archive_error_string(out);
    if (!one.content.empty()) archive_write_data(out, one.content.data(), one.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(out);
  archive_write_free(out);
  bytes.resize(used);
  return bytes;
}

class ArchiveTest : public testing::Test {
 protected:
  void SetUp() override { fs_.put_dir("/unpacked"); }
  Result<Unpacked> unpack(const std::vector<std::string>& archives, UnpackOptions options = {}) {
    return unpack_archives(fs_, archives, "/unpacked", options, job_);
  }
  Unpacked unpacked(const std::vector<Entry>& entries) {
    fs_.put("/a.tar", tarball(entries));
    Result<Unpacked> result = unpack({"/a.tar"});
    EXPECT_TRUE(result) << result.error().to_string();
    return std::move(result).value();
  }
  bool is_damaged(const std::string& bytes) {
    if (fs_.get_info("/unpacked")) fs_.erase("/unpacked");
    fs_.put_dir("/unpacked");
    fs_.put("/bad.tar", bytes);
    const Result<Unpacked> result = unpack({"/bad.tar"});
    return !result || restore::has_severity(result->findings, restore::Severity::kDamage);
  }
  std::string log(std::int64_t last) {
    LogBuilder builder;
    for (std::int64_t zxid = 1; zxid <= last; ++zxid) builder.record(zxid, zxid);
    return builder.bytes();
  }

  test::SimFs fs_;
  Job job_;
};

TEST_F(ArchiveTest, TellsArchivesFromEverythingElse) {
  for (int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ,
                     ARCHIVE_FILTER_BZIP2}) {
    const std::string bytes = tarball({{"log.1", log(2)}}, filter);
    EXPECT_TRUE(looks_like_archive(as_bytes(bytes).first(std::min(bytes.size(), kArchiveProbeBytes))))
        << filter;
  }
  EXPECT_FALSE(looks_like_archive(as_bytes(log(2))));
  EXPECT_FALSE(looks_like_archive({}));
  EXPECT_FALSE(looks_like_archive(as_bytes("dataDir=/x\n")));
}

TEST_F(ArchiveTest, EveryCompressionAndLayoutComesOutAsAServersDirectory) {
  for (int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ,
                     ARCHIVE_FILTER_BZIP2})
    for (int format :
         {ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE, ARCHIVE_FORMAT_TAR_USTAR})
      for (const std::string& folder : {std::string(), std::string("20261121/"),
                                        std::string("var/lib/zk/version-2/"), std::string("./")}) {
        fs_.put("/a.tar", tarball({{folder + "log.1", log(3)},
                                   {folder + "snapshot.0", "snapshot"},
                                   {folder + "currentEpoch", "3"},
                                   {folder + "myid", "1\n"},
                                   {folder + "zoo.cfg", "dataDir=/x\n"},
                                   {folder + "zoo.cfg.dynamic.100000000", "server.1=a:1:2;3"}},
                                  filter, format));
        const Result<Unpacked> result = unpack({"/a.tar"});
        ASSERT_TRUE(result) << result.error().to_string();
        EXPECT_THAT(result->findings, IsEmpty());
        EXPECT_THAT(fs_.files("/unpacked"),
                    ElementsAre("/unpacked/myid", "/unpacked/version-2/currentEpoch",
                                "/unpacked/version-2/log.1", "/unpacked/version-2/snapshot.0",
                                "/unpacked/zoo.cfg", "/unpacked/zoo.cfg.dynamic.100000000"));
        EXPECT_EQ(fs_.get("/unpacked/version-2/log.1"), log(3));
        EXPECT_THAT(result->config_files,
                    ElementsAre("/unpacked/zoo.cfg", "/unpacked/zoo.cfg.dynamic.100000000"));
        EXPECT_EQ(fs_.get_info("/unpacked/version-2/log.1")->mode, 0600u);
        fs_.erase("/unpacked");
        fs_.put_dir("/unpacked");
      }
}

TEST_F(ArchiveTest, RealTarballsOfOperatorsScripts) {
  test::load_dir(fs_, "fixtures/zk-3.8.0-tarballs", "/tar");
  const Result<Unpacked> result = unpack({"/tar/full-flat.tar.gz", "/tar/logs-only-1.tar.gz",
                                          "/tar/logs-only-2-torn.tar.gz", "/tar/logs-only-3.tar.gz"});
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_THAT(result->findings, IsEmpty());
  std::vector<std::string> names;
  for (const UnpackedFile& file : result->files) names.emplace_back(base_name(file.path));
  EXPECT_THAT(names, ElementsAre("myid", "log.1", "log.1c", "log.37", "log.50", "log.73", "log.8f", "log.98",
                                 "log.c0", "log.e1", "snapshot.0", "snapshot.1a", "snapshot.35", "zoo.cfg"));
}

TEST_F(ArchiveTest, OfALogThatComesTwiceTheCopyThatReachesFurtherIsKept) {
  fs_.put("/1.tar", tarball({{"log.1", log(3) + std::string(500, '\0')}}));
  fs_.put("/2.tar", tarball({{"log.1", log(5).substr(0, log(5).size() - 4)}}));  // torn in 5: 4 records
  fs_.put("/3.tar", tarball({{"log.1", log(2)}}));
  const Result<Unpacked> result = unpack({"/1.tar", "/2.tar", "/3.tar"});
  ASSERT_TRUE(result);
  EXPECT_THAT(result->findings, IsEmpty());
  EXPECT_EQ(fs_.get("/unpacked/version-2/log.1"), log(5).substr(0, log(5).size() - 4));
  ASSERT_EQ(result->files.size(), 1u);
  EXPECT_EQ(result->files[0].archive, "/2.tar");
}

TEST_F(ArchiveTest, LogsThatContradictEachOtherAreAFindingAndNeverMixed) {
  fs_.put("/1.tar", tarball({{"log.1", LogBuilder().record(1, 1).record(2, 2).bytes()}}));
  fs_.put("/2.tar", tarball({{"log.1", LogBuilder().record(1, 1).record(2, 99).record(3, 100).bytes()}}));
  const Result<Unpacked> result = unpack({"/1.tar", "/2.tar"});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->findings.size(), 1u);
  EXPECT_EQ(result->findings[0].severity, restore::Severity::kDamage);
  EXPECT_THAT(result->findings[0].message, HasSubstr("contradicts the copy in /1.tar"));
  EXPECT_EQ(fs_.get("/unpacked/version-2/log.1"), LogBuilder().record(1, 1).record(2, 2).bytes());
}

TEST_F(ArchiveTest, AnIncompleteSnapshotDoesNotReplaceAWholeOne) {
  const std::string whole = test::load_file("fixtures/zk-3.8.0-standalone/version-2/snapshot.4d");
  fs_.put("/1.tar", tarball({{"snapshot.4d", whole}}));
  fs_.put("/2.tar", tarball({{"snapshot.4d", whole.substr(0, whole.size() / 2)}}));
  ASSERT_TRUE(unpack({"/1.tar", "/2.tar"}));
  EXPECT_EQ(fs_.get("/unpacked/version-2/snapshot.4d"), whole);
}

// ---- hostile and damaged ones

TEST_F(ArchiveTest, NothingIsWrittenOutsideAndNothingThatIsNotAllowListed) {
  const Unpacked result = unpacked({{"../../etc/log.1", log(1)},
                                    {"/abs/snapshot.5", "s"},
                                    {"../../../../root/.ssh/authorized_keys", "key"},
                                    {"version-2/log.2.bak", "b"},
                                    {"evil.sh", "#!/bin/sh"},
                                    {"zoo.cfg/log.3", log(1)},
                                    {"..", "", AE_IFDIR},
                                    {"log.0x7", "n"}});
  for (const std::string& file : fs_.files("/")) {
    if (file == "/a.tar") continue;
    EXPECT_THAT(file, ::testing::StartsWith("/unpacked/")) << file;
  }
  EXPECT_THAT(fs_.files("/unpacked"), ElementsAre("/unpacked/version-2/log.1", "/unpacked/version-2/log.3",
                                                  "/unpacked/version-2/snapshot.5"));
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_THAT(result.findings[0].message, HasSubstr("log.2.bak"));
}

TEST_F(ArchiveTest, LinksAndDevicesAreNotFollowedNotMadeAndNamed) {
  fs_.put("/etc/shadow", "secret");
  const Unpacked result = unpacked({{"log.1", "", AE_IFLNK, "/etc/shadow"},
                                    {"snapshot.2", "", AE_IFREG, "/etc/shadow"},
                                    {"snapshot.3", "", AE_IFCHR},
                                    {"snapshot.4", "", AE_IFIFO},
                                    {"harmless", "", AE_IFLNK, "/etc/shadow"}});
  EXPECT_THAT(fs_.files("/unpacked"), IsEmpty());
  EXPECT_EQ(result.findings.size(), 4u);
  EXPECT_TRUE(std::all_of(result.findings.begin(), result.findings.end(), [](const restore::Finding& f) {
    return f.severity == restore::Severity::kDamage;
  })) << "a log or snapshot that could not be had is a loss";
}

TEST_F(ArchiveTest, AFlippedBitInAMembersHeaderIsDamageAndTheOthersAreRead) {
  std::string bytes = tarball({{"snapshot.0", "some bytes"}, {"log.1", log(2)}, {"log.3", log(3)}});
  bytes[1024 + 100] = static_cast<char>(bytes[1024 + 100] ^ 1);  // the mode of log.1
  fs_.put("/bad.tar", bytes);
  const Result<Unpacked> result = unpack({"/bad.tar"});
  ASSERT_TRUE(result) << result.error().to_string();
  ASSERT_EQ(result->findings.size(), 1u);
  EXPECT_EQ(result->findings[0].id, ErrorId::kBadCompression);
  EXPECT_EQ(result->findings[0].severity, restore::Severity::kDamage);
  EXPECT_EQ(fs_.get("/unpacked/version-2/log.3"), log(3));
}

TEST_F(ArchiveTest, ACutTarballIsDamageWhereverItIsCutAndHoweverItIsCompressed) {
  for (int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ,
                     ARCHIVE_FILTER_BZIP2}) {
    const std::string whole = tarball({{"log.1", log(2)}, {"myid", "1"}}, filter);
    EXPECT_FALSE(is_damaged(whole)) << filter;
    // Of tar's end mark, two blocks of zeros, one is enough; padding may follow it.
    std::size_t end = whole.size();
    if (filter == ARCHIVE_FILTER_NONE) end = 4 * 512 + 1;
    for (std::size_t cut = 1; cut < end; ++cut)
      EXPECT_TRUE(is_damaged(whole.substr(0, cut))) << filter << " " << cut;
  }
}

TEST_F(ArchiveTest, AFlippedBitOfACompressedTarballIsDamageOrChangesNothing) {
  // Not zstd: libarchive writes it without a checksum, as the zstd program does not.
  for (int filter : {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_BZIP2}) {
    const std::string whole = tarball({{"log.1", log(2)}, {"myid", "1"}}, filter);
    // Behind gzip's own header, whose name and time nothing depends on.
    for (std::size_t bit = filter == ARCHIVE_FILTER_GZIP ? 80 : 0; bit < whole.size() * 8; ++bit) {
      std::string flipped = whole;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
      // A distance inside a run of zeros can change and decode to the very same bytes.
      if (is_damaged(flipped)) continue;
      EXPECT_EQ(fs_.get("/unpacked/version-2/log.1"), log(2)) << filter << " " << bit;
      EXPECT_EQ(fs_.get("/unpacked/myid"), "1") << filter << " " << bit;
    }
  }
}

TEST_F(ArchiveTest, MembersAreShownUnderTheNamesOfTheirArchives) {
  fs_.put("/tars/mon.tar", tarball({{"./version-2/log.1", log(2)}, {"./zoo.cfg", "dataDir=/x\n"}}));
  fs_.put("/tars/tue.tar", tarball({{"20261121/log.3", log(3)}, {"20261121/log.1.bak", log(1)}}));
  Result<Unpacked> result = unpack({"/tars/mon.tar", "/tars/tue.tar"});
  ASSERT_TRUE(result) << result.error().to_string();
  restore::DataDirOptions options;
  options.dir = "/unpacked";
  options.config_files = result->config_files;
  options.shown = "two tarballs";
  UnpackedSource source(std::make_unique<restore::DataDir>(fs_, options), result->files);
  const auto listing = source.list();
  ASSERT_TRUE(listing) << listing.error().to_string();
  ASSERT_EQ(listing->logs.size(), 2u);
  EXPECT_EQ(listing->logs[0].path, "/tars/mon.tar/version-2/log.1");
  EXPECT_EQ(listing->logs[1].path, "/tars/tue.tar/20261121/log.3");
  ASSERT_NE(listing->extra("zoo.cfg"), nullptr);
  EXPECT_EQ(listing->extra("zoo.cfg")->path, "/tars/mon.tar/zoo.cfg");
  const auto file = source.open(listing->logs[1]);
  ASSERT_TRUE(file) << file.error().to_string();
  EXPECT_EQ((*file)->path(), "/tars/tue.tar/20261121/log.3");
  EXPECT_EQ(source.description(), "two tarballs");
  std::string bytes(log(3).size(), '?');
  const auto got =
      (*file)->read_at(0, MutableBytes(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()));
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, bytes.size());
  EXPECT_EQ(bytes, log(3));
}

TEST_F(ArchiveTest, ALinkFirstAndAFileThroughItAfterwardsStaysInside) {
  unpacked({{"version-2", "", AE_IFLNK, "/etc"}, {"version-2/log.1", log(1)}});
  EXPECT_THAT(fs_.files("/etc"), IsEmpty()) << "the link was never made";
  EXPECT_EQ(fs_.get("/unpacked/version-2/log.1"), log(1));
}

TEST_F(ArchiveTest, ABombStopsAtTheBudget) {
  const std::string zeros(4 << 20, '\0');
  fs_.put("/bomb.tar.gz", tarball({{"log.1", zeros}}, ARCHIVE_FILTER_GZIP));
  UnpackOptions options;
  options.max_bytes = 100'000;
  const Result<Unpacked> result = unpack({"/bomb.tar.gz"}, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().id(), ErrorId::kRefused);
  EXPECT_THAT(result.error().hint(), HasSubstr("TMPDIR"));
  fs_.erase("/unpacked");
  fs_.put_dir("/unpacked");
  fs_.set_free_bytes(200'000);
  EXPECT_EQ(unpack({"/bomb.tar.gz"}).error().id(), ErrorId::kRefused) << "before the disk is full";
}

TEST_F(ArchiveTest, ManyEntriesAndHugeConfigurationAreBounded) {
  std::vector<Entry> many;
  for (int i = 0; i < 50; ++i) many.push_back({"x" + std::to_string(i), ""});
  fs_.put("/many.tar", tarball(many));
  UnpackOptions options;
  options.max_entries = 20;
  EXPECT_EQ(unpack({"/many.tar"}, options).error().id(), ErrorId::kRefused);
  fs_.erase("/unpacked");
  fs_.put_dir("/unpacked");
  const Unpacked result = unpacked({{"zoo.cfg", std::string(3 << 20, 'x')}, {"log.1", log(1)}});
  EXPECT_THAT(fs_.files("/unpacked"), Not(Contains("/unpacked/zoo.cfg")));
  ASSERT_EQ(result.findings.size(), 1u);
  EXPECT_EQ(result.findings[0].id, ErrorId::kBadLength);
}

TEST_F(ArchiveTest, EveryPrefixOfATarballIsReadAsFarAsItGoesOrRefused) {
  for (int filter : {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP}) {
    const std::string whole =
        tarball({{"log.1", log(2)}, {"snapshot.5", "some bytes"}, {"myid", "1"}}, filter);
    const std::size_t step = filter == ARCHIVE_FILTER_NONE ? 37 : 1;
    for (std::size_t cut = 0; cut < whole.size(); cut += step) {
      if (fs_.get_info("/unpacked")) fs_.erase("/unpacked");
      fs_.put_dir("/unpacked");
      fs_.put("/cut.tar", whole.substr(0, cut));
      const Result<Unpacked> result = unpack({"/cut.tar"});
      if (!result) {
        EXPECT_EQ(result.error().id(), ErrorId::kBadMagic) << cut;
      }
    }
  }
}

TEST_F(ArchiveTest, EveryFlippedBitOfATarballIsReadOrReported) {
  const std::string whole = tarball({{"log.1", log(1)}, {"myid", "1"}}, ARCHIVE_FILTER_GZIP);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    if (fs_.get_info("/unpacked")) fs_.erase("/unpacked");
    fs_.put_dir("/unpacked");
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    fs_.put("/bad.tar", flipped);
    const Result<Unpacked> result = unpack({"/bad.tar"});
    if (!result) {
      EXPECT_EQ(result.error().id(), ErrorId::kBadMagic) << bit;
    }
  }
}

TEST_F(ArchiveTest, WhatIsNoTarballIsRefused) {
  fs_.put("/text", "just some text that is long enough to be looked at");
  EXPECT_EQ(unpack({"/text"}).error().id(), ErrorId::kBadMagic);
  fs_.erase("/unpacked");
  fs_.put_dir("/unpacked");
  EXPECT_EQ(unpack({"/absent"}).error().id(), ErrorId::kNoFile);
}

TEST_F(ArchiveTest, ReadAndWriteErrorsComeThroughAsWhatTheyAre) {
  fs_.put("/a.tar", tarball({{"log.1", log(2)}}));
  for (const test::OpKind kind :
       {test::OpKind::kRead, test::OpKind::kAppend, test::OpKind::kCreate, test::OpKind::kRename}) {
    test::Fault fault;
    fault.kinds = test::op(kind);
    fs_.arm(fault);
    const Result<Unpacked> result = unpack({"/a.tar"});
    fs_.disarm();
    ASSERT_FALSE(result) << test::to_string(kind);
    EXPECT_EQ(result.error().id(), ErrorId::kStorage);
    fs_.erase("/unpacked");
    fs_.put_dir("/unpacked");
  }
}

TEST_F(ArchiveTest, AnInterruptStopsIt) {
  fs_.put("/a.tar", tarball({{"log.1", log(2)}}));
  job_.stop.request_stop();
  EXPECT_EQ(unpack({"/a.tar"}).error().id(), ErrorId::kCancelled);
}

}  // namespace
}  // namespace zkark::backup
