// What formats/base/fs.h promises, asked of the real file system and of the simulated one. A test of another
// layer that passes on SimFs may count on the kernel only as far as this list goes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <thread>

#include "formats/base/fs.h"
#include "src/os/posix_fs.h"
#include "tests/support/sim_fs.h"

namespace zkark {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// One file system under test with an empty directory to play in.
struct Place {
  std::unique_ptr<Fs> fs;
  std::string dir;
  std::function<void(const std::string& target, const std::string& path)> symlink;
  std::function<void()> clean_up = [] {};
};

Place real_place() {
  Place place;
  std::string name = "/tmp/zkark-fs-contract-XXXXXX";
  EXPECT_NE(::mkdtemp(name.data()), nullptr);
  place.dir = name;
  place.fs = std::make_unique<os::PosixFs>();
  place.symlink = [](const std::string& target, const std::string& path) {
    ASSERT_EQ(::symlink(target.c_str(), path.c_str()), 0);
  };
  place.clean_up = [fs = place.fs.get(), name] { EXPECT_TRUE(remove_tree(*fs, name)); };
  return place;
}

Place simulated_place() {
  Place place;
  auto fs = std::make_unique<test::SimFs>();
  place.dir = "/play";
  fs->put_dir(place.dir);
  place.symlink = [sim = fs.get()](const std::string& target, const std::string& path) {
    sim->put_symlink(path, target);
  };
  place.fs = std::move(fs);
  return place;
}

class FsContract : public ::testing::TestWithParam<std::pair<const char*, Place (*)()>> {
 protected:
  FsContract() : place_(GetParam().second()), fs_(*place_.fs) {}
  ~FsContract() override { place_.clean_up(); }

  std::string at(const std::string& name) const { return join_path(place_.dir, name); }
  void write(const std::string& name, std::string_view content, std::uint32_t mode = 0600) {
    Result<std::unique_ptr<File>> file = fs_.create(at(name), {.mode = mode});
    ASSERT_TRUE(file) << file.error().to_string();
    ASSERT_TRUE((*file)->append(as_bytes(content)));
  }
  std::string content(const std::string& name) {
    Result<std::string> text = read_file(fs_, at(name), 1 << 20);
    return text ? *text : "failed: " + text.error().to_string();
  }
  std::vector<std::string> names(const std::string& name = "") {
    Result<std::vector<DirEntry>> entries = fs_.list(name.empty() ? place_.dir : at(name));
    std::vector<std::string> names;
    if (entries)
      for (const DirEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }
  template <class T>
  static ErrorId id(const Result<T>& result) {
    return result ? ErrorId{} : result.error().id();
  }

  Place place_;
  Fs& fs_;
};

INSTANTIATE_TEST_SUITE_P(Fs, FsContract,
                         ::testing::Values(std::pair("Posix", &real_place),
                                           std::pair("Sim", &simulated_place)),
                         [](const auto& info) { return std::string(info.param.first); });

TEST_P(FsContract, WhatWasAppendedIsReadBack) {
  Result<std::unique_ptr<File>> file = fs_.create(at("f"), {});
  ASSERT_TRUE(file);
  EXPECT_TRUE((*file)->append(as_bytes("hello ")));
  EXPECT_TRUE((*file)->append(as_bytes("")));
  EXPECT_TRUE((*file)->append(as_bytes("world")));
  EXPECT_TRUE((*file)->sync());
  EXPECT_EQ((*file)->path(), at("f"));
  EXPECT_EQ(content("f"), "hello world");
}

TEST_P(FsContract, AFileBeingWrittenCanBeReadThroughItsOwnHandle) {
  Result<std::unique_ptr<File>> file = fs_.create(at("f"), {});
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->append(as_bytes("0123456789")));
  char text[4];
  ASSERT_TRUE(read_exactly(**file, 3, std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(std::string_view(text, 4), "3456");
  ASSERT_TRUE((*file)->append(as_bytes("x")));
  EXPECT_EQ(content("f"), "0123456789x");
}

TEST_P(FsContract, ReservedRoomIsZerosAndAppendsWriteIntoIt) {
  Result<std::unique_ptr<File>> file = fs_.create(at("f"), {});
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->append(as_bytes("abc")));
  ASSERT_TRUE((*file)->reserve(10));
  EXPECT_EQ(content("f"), "abc" + std::string(10, '\0'));
  ASSERT_TRUE((*file)->sync());
  ASSERT_TRUE((*file)->append(as_bytes("defg")));
  ASSERT_TRUE((*file)->sync_data());
  EXPECT_EQ(content("f"), "abcdefg" + std::string(6, '\0'));
  EXPECT_EQ((*file)->info().value().size_bytes, 13u);
  ASSERT_TRUE((*file)->append(as_bytes("more than there is room")));
  EXPECT_EQ(content("f"), "abcdefgmore than there is room");
}

TEST_P(FsContract, RoomIsCountedFromTheLastAppendedByteAndNeverTakenBack) {
  Result<std::unique_ptr<File>> file = fs_.create(at("f"), {});
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->reserve(8));
  ASSERT_TRUE((*file)->append(as_bytes("abcd")));
  ASSERT_TRUE((*file)->reserve(2));
  EXPECT_EQ(content("f"), "abcd" + std::string(4, '\0'));
  ASSERT_TRUE((*file)->reserve(6));
  EXPECT_EQ(content("f"), "abcd" + std::string(6, '\0'));
  ASSERT_TRUE((*file)->reserve(0));
  ASSERT_TRUE((*file)->append(as_bytes("e")));
  EXPECT_EQ(content("f"), "abcde" + std::string(5, '\0'));
}

TEST_P(FsContract, RoomIsReservedOnlyInFilesFromCreate) {
  write("f", "abc");
  Result<std::unique_ptr<File>> file = fs_.open(at("f"));
  ASSERT_TRUE(file);
  EXPECT_FALSE((*file)->reserve(10));
  EXPECT_EQ(content("f"), "abc");
}

TEST_P(FsContract, AHintIsMadeAndThenOverwrittenInPlace) {
  ASSERT_TRUE(fs_.write_hint(at("hint"), as_bytes("0123456789"), {.mode = 0600}));
  EXPECT_EQ(content("hint"), "0123456789");
  const FileInfo made = fs_.info(at("hint")).value();
  EXPECT_EQ(made.mode, 0600u);
  ASSERT_TRUE(fs_.write_hint(at("hint"), as_bytes("abc"), {.mode = 0600}));
  EXPECT_EQ(content("hint"), "abc3456789") << "no shorter than before: a hint carries its own length";
  EXPECT_EQ(fs_.info(at("hint")).value().inode, made.inode);
}

TEST_P(FsContract, AHintIsNotWrittenThroughASymlinkOverADirectoryOrIntoNowhere) {
  write("f", "abc");
  place_.symlink("f", at("link"));
  ASSERT_TRUE(fs_.make_dir(at("dir"), 0700));
  EXPECT_EQ(id(fs_.write_hint(at("link"), as_bytes("x"), {})), ErrorId::kStorage);
  EXPECT_EQ(id(fs_.write_hint(at("dir"), as_bytes("x"), {})), ErrorId::kStorage);
  EXPECT_EQ(id(fs_.write_hint(at("absent/hint"), as_bytes("x"), {})), ErrorId::kNoFile);
  EXPECT_EQ(content("f"), "abc");
}

TEST_P(FsContract, ReadsAreShortAtTheEndOfTheFileOnly) {
  write("f", "0123456789");
  Result<std::unique_ptr<File>> file = fs_.open(at("f"));
  ASSERT_TRUE(file);
  std::byte into[8];
  EXPECT_EQ((*file)->read_at(0, into).value(), 8u);
  EXPECT_EQ((*file)->read_at(4, into).value(), 6u);
  EXPECT_EQ((*file)->read_at(10, into).value(), 0u);
  EXPECT_EQ((*file)->read_at(11, into).value(), 0u);
  EXPECT_EQ((*file)->read_at(std::uint64_t{1} << 63, into).value(), 0u);
  EXPECT_EQ((*file)->read_at(~std::uint64_t{0}, into).value(), 0u);
  EXPECT_EQ((*file)->read_at(0, {}).value(), 0u);
}

TEST_P(FsContract, AnOpenReaderSeesWhatIsAppendedLater) {
  Result<std::unique_ptr<File>> writer = fs_.create(at("f"), {});
  ASSERT_TRUE(writer);
  Result<std::unique_ptr<File>> reader = fs_.open(at("f"));
  ASSERT_TRUE(reader);
  std::byte into[8];
  EXPECT_EQ((*reader)->read_at(0, into).value(), 0u);
  ASSERT_TRUE((*writer)->append(as_bytes("abc")));
  EXPECT_EQ((*reader)->read_at(0, into).value(), 3u);
  EXPECT_EQ((*reader)->info()->size_bytes, 3u);
}

TEST_P(FsContract, AFileOpenedForReadingRefusesAppend) {
  write("f", "abc");
  Result<std::unique_ptr<File>> file = fs_.open(at("f"));
  ASSERT_TRUE(file);
  EXPECT_EQ(id((*file)->append(as_bytes("x"))), ErrorId::kStorage);
  EXPECT_EQ(content("f"), "abc");
}

TEST_P(FsContract, OpenSaysWhatIsMissing) {
  write("f", "abc");
  Result<std::unique_ptr<File>> missing = fs_.open(at("nothing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().id(), ErrorId::kNoFile);
  EXPECT_EQ(missing.error().system_errno(), ENOENT);
  EXPECT_EQ(missing.error().to_string(), "cannot open: No such file or directory (" + at("nothing") + ")");
  EXPECT_EQ(id(fs_.open(at("no/such"))), ErrorId::kNoFile);
  EXPECT_EQ(id(fs_.open(at("f/below"))), ErrorId::kNoFile);
  EXPECT_EQ(id(fs_.open("")), ErrorId::kNoFile);
  EXPECT_EQ(id(fs_.open(place_.dir)), ErrorId::kStorage);
}

TEST_P(FsContract, InfoTellsFilesFromDirectories) {
  write("f", "abc", 0640);
  ASSERT_TRUE(fs_.make_dir(at("d"), 0750));
  Result<FileInfo> file = fs_.info(at("f"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->type, FileType::kFile);
  EXPECT_EQ(file->size_bytes, 3u);
  EXPECT_EQ(file->mode, 0640u);
  EXPECT_GT(file->mtime_ns, 0);
  Result<FileInfo> dir = fs_.info(at("d"));
  ASSERT_TRUE(dir);
  EXPECT_EQ(dir->type, FileType::kDirectory);
  EXPECT_EQ(dir->mode, 0750u);
  EXPECT_EQ(dir->device, file->device);
  EXPECT_NE(dir->inode, file->inode);
  EXPECT_EQ(id(fs_.info(at("nothing"))), ErrorId::kNoFile);
  EXPECT_EQ(id(fs_.info(at("f/below"))), ErrorId::kNoFile);
  EXPECT_FALSE(exists(fs_, at("f/below")).value());
  EXPECT_TRUE(exists(fs_, at("f")).value());
}

TEST_P(FsContract, TheInodeStaysWithTheFileThroughARename) {
  write("a", "abc");
  const std::uint64_t inode = fs_.info(at("a"))->inode;
  Result<std::unique_ptr<File>> open = fs_.open(at("a"));
  ASSERT_TRUE(fs_.rename(at("a"), at("b")));
  EXPECT_EQ(fs_.info(at("b"))->inode, inode);
  EXPECT_EQ((*open)->info()->inode, inode);
}

TEST_P(FsContract, CreateRefusesATakenName) {
  write("f", "abc");
  ASSERT_TRUE(fs_.make_dir(at("d"), 0700));
  place_.symlink("elsewhere", at("dangling"));
  EXPECT_EQ(id(fs_.create(at("f"), {})), ErrorId::kExists);
  EXPECT_EQ(id(fs_.create(at("d"), {})), ErrorId::kExists);
  EXPECT_EQ(id(fs_.create(at("dangling"), {})), ErrorId::kExists);
  EXPECT_EQ(id(fs_.create(at("no/such"), {})), ErrorId::kNoFile);
  EXPECT_EQ(content("f"), "abc");
  EXPECT_THAT(names(), UnorderedElementsAre("f", "d", "dangling"));
}

TEST_P(FsContract, ModesAreExactWhateverTheUmask) {
  for (const mode_t mask : {0u, 022u, 077u, 0777u}) {
    const mode_t before = ::umask(mask);
    write(std::to_string(mask) + "f", "x", 0666);
    EXPECT_TRUE(fs_.make_dir(at(std::to_string(mask) + "d"), 0777));
    ::umask(before);
    EXPECT_EQ(fs_.info(at(std::to_string(mask) + "f"))->mode, 0666u);
    EXPECT_EQ(fs_.info(at(std::to_string(mask) + "d"))->mode, 0777u);
  }
}

TEST_P(FsContract, SetModeIsSeen) {
  write("f", "x");
  ASSERT_TRUE(fs_.set_mode(at("f"), 0444));
  EXPECT_EQ(fs_.info(at("f"))->mode, 0444u);
  EXPECT_EQ(id(fs_.set_mode(at("nothing"), 0444)), ErrorId::kNoFile);
  place_.symlink("f", at("link"));
  EXPECT_FALSE(fs_.set_mode(at("link"), 0400));
  EXPECT_EQ(fs_.info(at("f"))->mode, 0444u);
}

TEST_P(FsContract, SetOwnerToOneselfIsAllowed) {
  write("f", "x");
  const FileInfo info = fs_.info(at("f")).value();
  EXPECT_TRUE(fs_.set_owner(at("f"), info.uid, info.gid));
  EXPECT_EQ(id(fs_.set_owner(at("nothing"), info.uid, info.gid)), ErrorId::kNoFile);
}

TEST_P(FsContract, ListHasEveryEntryWithItsType) {
  EXPECT_THAT(names(), IsEmpty());
  write("f", "x");
  ASSERT_TRUE(fs_.make_dir(at("d"), 0700));
  place_.symlink("f", at("link"));
  Result<std::vector<DirEntry>> entries = fs_.list(place_.dir);
  ASSERT_TRUE(entries);
  std::vector<std::pair<std::string, FileType>> seen;
  for (const DirEntry& entry : *entries) seen.emplace_back(entry.name, entry.type);
  EXPECT_THAT(seen,
              UnorderedElementsAre(std::pair("f", FileType::kFile), std::pair("d", FileType::kDirectory),
                                   std::pair("link", FileType::kSymlink)));
  EXPECT_EQ(id(fs_.list(at("nothing"))), ErrorId::kNoFile);
  EXPECT_EQ(id(fs_.list(at("f"))), ErrorId::kStorage) << "a file must not look like an absent directory";
}

TEST_P(FsContract, SymlinksAreFollowedByOpenAndInfo) {
  write("f", "abc");
  ASSERT_TRUE(fs_.make_dir(at("d"), 0700));
  write("d/g", "def");
  place_.symlink("f", at("link"));
  place_.symlink(at("d"), at("dirlink"));
  place_.symlink("../f", at("d/up"));
  place_.symlink("loop", at("loop"));
  EXPECT_EQ(content("link"), "abc");
  EXPECT_EQ(content("dirlink/g"), "def");
  EXPECT_EQ(content("d/up"), "abc");
  EXPECT_EQ(fs_.info(at("link"))->type, FileType::kFile);
  EXPECT_EQ(fs_.info(at("link"))->inode, fs_.info(at("f"))->inode);
  EXPECT_EQ(id(fs_.open(at("loop"))), ErrorId::kStorage);
}

TEST_P(FsContract, RenameReplacesAFile) {
  write("old", "old");
  write("new", "new");
  ASSERT_TRUE(fs_.rename(at("new"), at("old")));
  EXPECT_EQ(content("old"), "new");
  EXPECT_THAT(names(), UnorderedElementsAre("old"));
}

TEST_P(FsContract, ARenameOverAnOpenFileLeavesItReadable) {
  write("old", "old");
  write("new", "new");
  Result<std::unique_ptr<File>> open = fs_.open(at("old"));
  ASSERT_TRUE(fs_.rename(at("new"), at("old")));
  char text[3];
  ASSERT_TRUE(read_exactly(**open, 0, std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(std::string_view(text, 3), "old");
}

TEST_P(FsContract, RenameMovesADirectoryButNeverOverAnother) {
  ASSERT_TRUE(fs_.make_dir(at("a"), 0700));
  ASSERT_TRUE(fs_.make_dir(at("empty"), 0700));
  write("a/f", "abc");
  write("plain", "x");
  EXPECT_EQ(id(fs_.rename(at("a"), at("empty"))), ErrorId::kExists);
  EXPECT_EQ(id(fs_.rename(at("a"), at("plain"))), ErrorId::kExists);
  EXPECT_EQ(id(fs_.rename(at("plain"), at("empty"))), ErrorId::kStorage);
  EXPECT_EQ(id(fs_.rename(at("a"), at("a/inside"))), ErrorId::kStorage);
  EXPECT_EQ(id(fs_.rename(at("nothing"), at("b"))), ErrorId::kNoFile);
  EXPECT_EQ(id(fs_.rename(at("a"), at("no/such"))), ErrorId::kNoFile);
  ASSERT_TRUE(fs_.rename(at("a"), at("b")));
  EXPECT_EQ(content("b/f"), "abc");
  EXPECT_THAT(names(), UnorderedElementsAre("b", "empty", "plain"));
}

TEST_P(FsContract, RemoveTakesFilesAndEmptyDirectoriesEachByItsOwnCall) {
  ASSERT_TRUE(fs_.make_dir(at("d"), 0700));
  write("d/f", "x");
  EXPECT_EQ(id(fs_.remove_dir(at("d"))), ErrorId::kStorage);
  EXPECT_EQ(id(fs_.remove_file(at("d"))), ErrorId::kStorage);
  EXPECT_EQ(id(fs_.remove_dir(at("d/f"))), ErrorId::kStorage);
  EXPECT_TRUE(fs_.remove_file(at("d/f")));
  EXPECT_EQ(id(fs_.remove_file(at("d/f"))), ErrorId::kNoFile);
  EXPECT_TRUE(fs_.remove_dir(at("d")));
  EXPECT_EQ(id(fs_.remove_dir(at("d"))), ErrorId::kNoFile);
}

TEST_P(FsContract, ARemovedFileStaysReadableWhileOpen) {
  write("f", "abc");
  Result<std::unique_ptr<File>> open = fs_.open(at("f"));
  ASSERT_TRUE(fs_.remove_file(at("f")));
  char text[3];
  ASSERT_TRUE(read_exactly(**open, 0, std::as_writable_bytes(std::span(text))));
  EXPECT_EQ(std::string_view(text, 3), "abc");
}

TEST_P(FsContract, RemovingASymlinkLeavesItsTarget) {
  write("f", "abc");
  place_.symlink("f", at("link"));
  ASSERT_TRUE(fs_.remove_file(at("link")));
  EXPECT_EQ(content("f"), "abc");
}

TEST_P(FsContract, RemoveTreeDoesNotFollowSymlinks) {
  ASSERT_TRUE(fs_.make_dir(at("keep"), 0700));
  write("keep/f", "abc");
  ASSERT_TRUE(fs_.make_dir(at("go"), 0700));
  ASSERT_TRUE(fs_.make_dir(at("go/deep"), 0700));
  write("go/deep/f", "x");
  place_.symlink(at("keep"), at("go/link"));
  ASSERT_TRUE(remove_tree(fs_, at("go")));
  EXPECT_THAT(names(), UnorderedElementsAre("keep"));
  EXPECT_EQ(content("keep/f"), "abc");
  EXPECT_TRUE(remove_tree(fs_, at("go")));
}

TEST_P(FsContract, MakeDirRefusesATakenName) {
  ASSERT_TRUE(fs_.make_dir(at("d"), 0700));
  EXPECT_EQ(id(fs_.make_dir(at("d"), 0700)), ErrorId::kExists);
  EXPECT_EQ(id(fs_.make_dir(at("no/such"), 0700)), ErrorId::kNoFile);
  EXPECT_TRUE(make_dirs(fs_, at("x/y/z"), 0710));
  EXPECT_EQ(fs_.info(at("x/y"))->mode, 0710u);
}

TEST_P(FsContract, SyncDirWantsADirectory) {
  write("f", "x");
  EXPECT_TRUE(fs_.sync_dir(place_.dir));
  EXPECT_EQ(id(fs_.sync_dir(at("nothing"))), ErrorId::kNoFile);
  EXPECT_EQ(id(fs_.sync_dir(at("f"))), ErrorId::kStorage);
}

TEST_P(FsContract, FreeBytesWantsAPathThatExists) {
  EXPECT_GT(fs_.free_bytes(place_.dir).value(), 0u);
  EXPECT_EQ(id(fs_.free_bytes(at("nothing"))), ErrorId::kNoFile);
}

TEST_P(FsContract, ManyThreadsMayUseItAtOnce) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this, t] {
      for (int i = 0; i < 50; ++i) {
        const std::string path = at(std::to_string(t) + "-" + std::to_string(i));
        EXPECT_TRUE(write_file_atomic(fs_, path, as_bytes(path), {}));
        EXPECT_TRUE(fs_.list(place_.dir));
        EXPECT_EQ(read_file(fs_, path, 1000).value(), path);
      }
    });
  threads.clear();
  EXPECT_EQ(names().size(), 200u);
}

TEST_P(FsContract, WriteFileAtomicReplacesAndLeavesNothingBehind) {
  ASSERT_TRUE(write_file_atomic(fs_, at("f"), as_bytes("one"), {.mode = 0600}));
  write("f.tmp", "left by a crash");
  ASSERT_TRUE(write_file_atomic(fs_, at("f"), as_bytes("two"), {.mode = 0600}));
  EXPECT_EQ(content("f"), "two");
  EXPECT_THAT(names(), UnorderedElementsAre("f"));
}

}  // namespace
}  // namespace zkark
