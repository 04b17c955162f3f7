// The words of the command tree, for those who complete command lines.
#ifndef FLOTILLA_CLIENT_CLI_COMMAND_WORDS_H_
#define FLOTILLA_CLIENT_CLI_COMMAND_WORDS_H_

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace flotilla::cli {

// An option, or an argument without a name.
struct ArgumentWords {
  std::string name;  // "--format"; empty for an argument.
  bool takes_value = true;
  bool is_file = false;
  // Of values; empty: any.
  std::vector<std::string> choices = {};
};

// What may follow one part of the command line.
struct CommandWords {
  std::string path;  // "kv get"; empty at the root.
  std::vector<std::string> commands;
  std::vector<ArgumentWords> options;
  std::vector<ArgumentWords> arguments;
};

// How an option or an argument that names a file is to be declared: ->type_name(kFileType).
inline constexpr char kFileType[] = "FILE";

// The root's come first, then those of each command below it.
std::vector<CommandWords> CollectCommandWords(const CLI::App& root);

}  // namespace flotilla::cli

#endif  // FLOTILLA_CLIENT_CLI_COMMAND_WORDS_H_
