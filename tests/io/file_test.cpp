#include <voxgrad/io/file.h>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include <voxgrad/core/error.h>

#include "tests/support/temporary_folder.h"

namespace voxgrad {
namespace {

using test::message_of;
using test::TemporaryFolder;

std::string text_of(const std::string& path) {
  const auto bytes = test::get_file(path);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(AtomicFile, AppearsWholeAtCommit) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.txt";
  test::put_file(path, "old");
  AtomicFile file(path);
  file.write("new ");
  file.write("text");
  EXPECT_EQ(text_of(path), "old");
  file.commit();
  EXPECT_EQ(text_of(path), "new text");
  EXPECT_EQ(folder.list(), std::vector<std::string>{"a.txt"});
}

TEST(AtomicFile, LeavesTheTargetAndNoRestWithoutCommit) {
  const TemporaryFolder folder;
  const std::string path = folder / "a.txt";
  test::put_file(path, "old");
  {
    AtomicFile file(path);
    file.write("half");
  }
  EXPECT_EQ(text_of(path), "old");
  EXPECT_EQ(folder.list(), std::vector<std::string>{"a.txt"});
}

TEST(AtomicFile, TwoWritersOfOneTargetDoNotMix) {
  const TemporaryFolder folder;
  AtomicFile first(folder / "a");
  AtomicFile second(folder / "a");
  first.write("first");
  second.write("second");
  second.commit();
  EXPECT_EQ(text_of(folder / "a"), "second");
  first.commit();
  EXPECT_EQ(text_of(folder / "a"), "first");
}

TEST(AtomicFile, KeepsPermissionsAndFollowsLinks) {
  const TemporaryFolder folder;
  test::put_file(folder / "real", "old");
  ASSERT_EQ(::chmod((folder / "real").c_str(), 0640), 0);
  std::filesystem::create_symlink("real", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(text_of(folder / "real"), "new");
  struct stat status = {};
  ASSERT_EQ(::stat((folder / "real").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST(AtomicFile, FollowsLinksToWhatIsNotThereYet) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "far");
  std::filesystem::create_symlink("far/real", folder / "near");
  std::filesystem::create_symlink("near", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(text_of(folder / "far/real"), "new");
  std::filesystem::create_symlink("loop", folder / "loop");
  EXPECT_THROW(write_file(folder / "loop", "x"), FileError);
}

// True where a file can be open without having a name.
bool has_nameless_files(const TemporaryFolder& folder) {
  const int descriptor = ::open(folder.path().c_str(), O_TMPFILE | O_WRONLY, 0600);
  if (descriptor >= 0) ::close(descriptor);
  return descriptor >= 0;
}

TEST(AtomicFile, LeavesNothingWhenItsProcessIsKilled) {
  const TemporaryFolder folder;
  if (!has_nameless_files(folder)) GTEST_SKIP() << "this file system has no nameless files";
  test::put_file(folder / "a", "old");
  const auto die = [&] {
    AtomicFile file(folder / "a");
    file.write("half");
    ::raise(SIGKILL);
  };
  EXPECT_EXIT(die(), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(text_of(folder / "a"), "old");
  EXPECT_EQ(folder.list(), std::vector<std::string>{"a"});
}

TEST(AtomicFile, IsNotStoppedByWhatAKilledProcessOfItsIdLeft) {
  const TemporaryFolder folder;
  std::size_t rests = 0;
  for (; rests < 200; ++rests) {  // of the first writes in a process of this number
    const std::string name = ".a." + std::to_string(::getpid()) + "-" + std::to_string(rests);
    test::put_file(folder / (name + ".tmp"), "rest");
  }
  test::put_file(folder / "a", "old");
  write_file(folder / "a", "new");
  EXPECT_EQ(text_of(folder / "a"), "new");
  EXPECT_EQ(folder.list().size(), rests + 1);
}

TEST(AtomicFile, RefusesToWriteAfterCommit) {
  const TemporaryFolder folder;
  AtomicFile file(folder / "a");
  file.commit();
  EXPECT_THROW(file.write("x"), FileError);
  EXPECT_THROW(file.commit(), FileError);
}

TEST(AtomicFile, NamesThePathAndTheReason) {
  const TemporaryFolder folder;
  const std::string missing = folder / "none/a.txt";
  EXPECT_EQ(message_of<FileError>([&] { write_file(missing, "x"); }),
            "write: " + missing + ": No such file or directory");
  EXPECT_EQ(message_of<FileError>([&] { write_file(folder.path(), "x"); }),
            "write: " + folder.path() + ": is a folder, not a file");
  EXPECT_THROW(write_file("", "x"), FileError);
  EXPECT_THROW(write_file("/dev/null", "x"), FileError);
  EXPECT_TRUE(folder.list().empty());
}

// A limit on file sizes stands in for a full disk: write fails with EFBIG. 0 when the file was
// refused without rests.
int write_past_the_limit(const TemporaryFolder& folder) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit = {};
  limit.rlim_cur = limit.rlim_max = 1024;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  const std::vector<std::byte> big(1 << 16);
  const std::string text = message_of<FileError>([&] { write_file(folder / "a", big); });
  return text.ends_with("File too large") && folder.list().empty() ? 0 : 1;
}

TEST(AtomicFile, RemovesItsRestsWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  EXPECT_EXIT(::_exit(write_past_the_limit(folder)), testing::ExitedWithCode(0), "");
}

TEST(ReadFile, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  const std::vector<std::byte> bytes{std::byte{0}, std::byte{10}, std::byte{255}};
  write_file(folder / "a", bytes);
  EXPECT_EQ(read_file(folder / "a", 3), bytes);
  EXPECT_EQ(file_size(folder / "a"), 3U);
  write_file(folder / "empty", std::string_view());
  EXPECT_TRUE(read_file(folder / "empty", 0).empty());
}

TEST(ReadFile, RefusesWhatIsMissingTooLongOrNoFile) {
  const TemporaryFolder folder;
  test::put_file(folder / "a", "1234");
  EXPECT_EQ(message_of<FileError>([&] { read_file(folder / "a", 3); }),
            "read: " + (folder / "a") + ": must have at most 3 bytes; got 4");
  EXPECT_EQ(message_of<FileError>([&] { read_file(folder / "b", 3); }),
            "read: " + (folder / "b") + ": No such file or directory");
  EXPECT_EQ(message_of<FileError>([&] { file_size(folder.path()); }),
            "read: " + folder.path() + ": is a folder, not a file");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(read_file(folder / "pipe", 3), FileError);  // and does not wait for a writer
}

TEST(MakeWritableDirectory, MakesParentsAndLeavesNothing) {
  const TemporaryFolder folder;
  make_writable_directory(folder / "a/b");
  make_writable_directory(folder / "a/b");
  EXPECT_TRUE(std::filesystem::is_empty(folder / "a/b"));
}

TEST(MakeWritableDirectory, RefusesFilesAndUnwritablePlaces) {
  const TemporaryFolder folder;
  test::put_file(folder / "file", "x");
  EXPECT_THROW(make_writable_directory(folder / "file"), FileError);
  EXPECT_THROW(make_writable_directory(folder / "file/below"), FileError);
  EXPECT_THROW(make_writable_directory(""), FileError);
  EXPECT_THROW(make_writable_directory("/proc/voxgrad"), FileError);
}

}  // namespace
}  // namespace voxgrad
