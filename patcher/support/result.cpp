#include "support/result.hpp"

namespace vgpukit {

std::string Error::message() const {
  std::string text;
  if (where) {
    text += where->file;
    if (where->line > 0) text += ":" + std::to_string(where->line);
    if (where->line > 0 && where->column > 0) text += ":" + std::to_string(where->column);
    text += ": ";
  }
  text += tried.empty() ? why : "cannot " + tried + ": " + why;
  if (!next.empty()) text += "\n  " + next;
  return text;
}

}  // namespace vgpukit
