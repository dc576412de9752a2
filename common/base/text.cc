#include "common/base/text.h"

#include "common/base/error.h"

namespace pgbackup {
namespace {

[[noreturn]] void refuse(const char* what) { throw Error(ErrorKind::usage, what); }

/// Returns the rest of `text` behind a word of a list that begins there.
std::string_view take_listed(std::string_view text, Word& word) {
  bool is_open = false;
  while (!text.empty() && (is_open || !(text[0] == ',' || is_whitespace(text[0])))) {
    const bool is_doubled = is_open && text.starts_with("\"\"");
    if (text[0] == '"' && !is_doubled) {
      is_open = !is_open;
    } else {
      word.text += text[0];
    }
    const size_t taken = is_doubled ? 2 : 1;
    word.raw += text.substr(0, taken);
    text.remove_prefix(taken);
  }
  if (is_open) refuse("a double quote is not closed");
  if (word.text.empty()) refuse("a name is empty");
  return text;
}

/// Returns the rest of `text` behind the double quotes that open there.
std::string_view take_double_quoted(std::string_view text, std::string& word) {
  constexpr std::string_view kEscaped = "$`\"\\";
  text.remove_prefix(1);
  while (!text.empty() && text[0] != '"') {
    const bool escapes =
        text[0] == '\\' && text.size() > 1 && kEscaped.find(text[1]) != std::string_view::npos;
    if (escapes) text.remove_prefix(1);
    word += text[0];
    text.remove_prefix(1);
  }
  if (text.empty()) refuse("a double quote is not closed");
  return text.substr(1);
}

std::string_view take_single_quoted(std::string_view text, std::string& word) {
  const size_t end = text.find('\'', 1);
  if (end == std::string_view::npos) refuse("a single quote is not closed");
  word += text.substr(1, end - 1);
  return text.substr(end + 1);
}

/// Returns the rest of `text` behind a word of a command line that begins there.
std::string_view take_word(std::string_view text, std::string& word) {
  while (!text.empty() && !is_whitespace(text[0])) {
    if (text[0] == '\'') {
      text = take_single_quoted(text, word);
    } else if (text[0] == '"') {
      text = take_double_quoted(text, word);
    } else {
      if (text[0] == '\\') text.remove_prefix(1);
      if (text.empty()) refuse("nothing follows the backslash at its end");
      word += text[0];
      text.remove_prefix(1);
    }
  }
  return text;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view trimmed(std::string_view text, std::string_view whitespace) {
  const size_t begin = text.find_first_not_of(whitespace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(whitespace) - begin + 1);
}

std::vector<Word> split_list(std::string_view text) {
  std::vector<Word> words;
  while (true) {
    while (!text.empty() && (text[0] == ',' || is_whitespace(text[0]))) text.remove_prefix(1);
    if (text.empty()) return words;
    text = take_listed(text, words.emplace_back());
  }
}

std::vector<std::string> split_command_line(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    while (!text.empty() && is_whitespace(text[0])) text.remove_prefix(1);
    if (text.empty()) return words;
    text = take_word(text, words.emplace_back());
  }
}

}  // namespace pgbackup
