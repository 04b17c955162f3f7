// `flotilla kv shell` at a terminal: the program itself behind a pseudo-terminal, and Tab.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "common/env/clock.h"

namespace flotilla::cli {
namespace {

constexpr std::chrono::seconds kPatience{20};

// A shell in a directory of its own, with the files that a wrong completion would offer.
class ShellTerminalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "flotilla_shell_" + std::to_string(getpid());
    std::filesystem::create_directories(directory_);
    // A bell would stand between what is typed and what is expected.
    std::ofstream(File("inputrc")) << "set bell-style none\n";
    for (const char* name : {"getaway", "packages.tsv", "sta"}) std::ofstream(File(name)) << "";
    const std::string directory = directory_;
    pid_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
    ASSERT_GE(pid_, 0);
    if (pid_ == 0) {
      if (chdir(directory.c_str()) != 0) _exit(126);
      setenv("HOME", directory.c_str(), 1);
      setenv("TERM", "dumb", 1);
      setenv("INPUTRC", "inputrc", 1);
      execl(FLOTILLA_BIN_DIR "/flotilla", "flotilla", "kv", "shell", nullptr);
      _exit(127);
    }
    Expect("flotilla> ");
  }
  void TearDown() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(terminal_);
    std::filesystem::remove_all(directory_);
  }
  std::string File(const std::string& name) const { return directory_ + "/" + name; }

  void Type(std::string_view keys) {
    ASSERT_EQ(write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }
  // Reads on until `text` came; what came is forgotten up to its end.
  void Expect(const std::string& text) {
    const env::SystemClock clock;
    const env::Instant deadline = clock.Now() + kPatience;
    while (seen_.find(text) == seen_.npos) {
      pollfd readable{terminal_, POLLIN, 0};
      poll(&readable, 1, 100);
      char buffer[4096];
      const ssize_t length =
          (readable.revents & POLLIN) != 0 ? read(terminal_, buffer, sizeof(buffer)) : 0;
      if (length > 0) seen_.append(buffer, static_cast<size_t>(length));
      ASSERT_LT(clock.Now(), deadline) << "'" << text << "' did not come, but '" << seen_ << "'";
    }
    last_ = seen_.substr(0, seen_.find(text) + text.size());
    seen_.erase(0, last_.size());
  }
  // Types `keys`, a Tab and a mark, and expects the line to read `line` and the mark.
  void ExpectCompletion(const std::string& keys, const std::string& line) {
    Type(keys + "\t!");
    Expect(line + "!");
    Type("\x15");  // Ctrl-U: an empty line again.
  }

  std::string directory_;
  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
  std::string last_;
};

TEST_F(ShellTerminalTest, TabCompletesCommandsAndOptions) {
  ExpectCompletion("stat", "status ");
  ExpectCompletion("check", "checksum ");
  ExpectCompletion("region sp", "region split ");
  ExpectCompletion("scan --lim", "scan --limit ");
  ExpectCompletion("scan --key", "scan --keys");  // --keys-only or --keyspace
  ExpectCompletion("get k --js", "get k --json ");
  ExpectCompletion("dump --format js", "dump --format jsonl ");
  ExpectCompletion("dump --format=js", "dump --format=jsonl ");
}

TEST_F(ShellTerminalTest, TabCompletesFilesOnlyWhereAFileIsMeant) {
  ExpectCompletion("load pack", "load packages.tsv ");
  ExpectCompletion("dump --output getaw", "dump --output getaway ");
  ExpectCompletion("getaw", "getaw");
  ExpectCompletion("get pack", "get pack");
  ExpectCompletion("region key pack", "region key pack");
}

TEST_F(ShellTerminalTest, TwoTabsListTheCommands) {
  Type("\t\t");
  Expect("checksum");
  Expect("flotilla> ");
  EXPECT_EQ(last_.find("getaway"), last_.npos) << last_;
  Type("exit\n");
  int status = -1;
  ASSERT_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace flotilla::cli
