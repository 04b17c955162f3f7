// Every fuzz target over its seeds, over each input that was kept in tests/fuzz/corpus, and over
// mutations of both that a fixed seed draws: what fuzzing found stays found, without libFuzzer.
//
// A target stops the process at what it finds; the input is then in the file that is printed first.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "common/env/random.h"
#include "tests/fuzz/fuzz_target.h"

namespace flotilla::fuzz {
namespace {

constexpr int kMutations = 2000;
constexpr size_t kMaxBytes = 4096;

std::vector<std::string> Corpus(std::string_view target) {
  std::vector<std::filesystem::path> paths;
  const std::filesystem::path directory = std::filesystem::path("corpus") / target;
  // Nothing is kept for some targets.
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(directory, absent)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const std::filesystem::path& path : paths) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    inputs.push_back(std::move(text).str());
  }
  return inputs;
}

// One to eight changes of bytes, cuts, repetitions and joins with another input.
std::string Mutate(std::string input, const std::string& other, env::Random& random) {
  for (uint64_t changes = random.Between(1, 8); changes > 0; --changes) {
    const size_t at = random.Uniform(input.size() + 1);
    const size_t length = std::min<size_t>(input.size() - at, random.Uniform(16));
    switch (random.Uniform(6)) {
      case 0:
        input.insert(at, 1, static_cast<char>(random.Next()));
        break;
      case 1:
        input.erase(at, length);
        break;
      case 2:
        input.insert(at, input.substr(at, length));
        break;
      case 3:
        input.replace(at, length, length, random.Chance(0.5) ? '\xff' : '\0');
        break;
      case 4:
        input.replace(at, std::string::npos, other.substr(random.Uniform(other.size() + 1)));
        break;
      default:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << random.Uniform(8)));
    }
  }
  input.resize(std::min(input.size(), kMaxBytes));
  return input;
}

class FuzzCorpusTest : public testing::TestWithParam<NamedTarget> {
 protected:
  FuzzCorpusTest() : target_(GetParam().make()) {
    std::cout << "the input under way is in " << under_way_ << std::endl;
  }
  void Run(const std::string& input) {
    std::ofstream(under_way_, std::ios::binary) << input;
    target_->Run(input);
  }

  const std::unique_ptr<FuzzTarget> target_;
  const std::string under_way_ = testing::TempDir() + "fuzz_input_" + std::string(GetParam().name);
};

TEST_P(FuzzCorpusTest, SurvivesWhatWasKeptAndItsMutations) {
  std::vector<std::string> inputs = Corpus(GetParam().name);
  for (std::string& seed : target_->Seeds()) inputs.push_back(std::move(seed));
  ASSERT_FALSE(inputs.empty());
  for (const std::string& input : inputs) Run(input);
  Run("");
  env::Random random(1);
  for (int i = 0; i < kMutations; ++i) {
    const std::string& input = inputs[random.Uniform(inputs.size())];
    Run(Mutate(input, inputs[random.Uniform(inputs.size())], random));
  }
  std::filesystem::remove(under_way_);
}

INSTANTIATE_TEST_SUITE_P(Targets, FuzzCorpusTest, testing::ValuesIn(kTargets),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace flotilla::fuzz
