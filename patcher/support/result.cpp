#include "support/result.hpp"

#include <cerrno>

namespace vgpukit {

ErrorKind kind_of(int number, ErrorKind otherwise) {
  if (number == ENOSPC || number == EDQUOT) return ErrorKind::no_space;
  if (number == EACCES || number == EPERM || number == EROFS) return ErrorKind::denied;
  return otherwise;
}

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
