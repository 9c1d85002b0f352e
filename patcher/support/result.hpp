// support/ is what every folder uses: results and errors, processes, signals, files that appear whole or not at all,
// paths of a root folder, sysfs, versions, YAML, text, hashes. It uses no other folder. Its namespace is vgpukit
// itself.
//
// This header: a recoverable failure is a value. Result<T> holds a T or an Error.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace vgpukit {

// What an error is about. cli/ turns it into an exit code.
enum class ErrorKind {
  failed,       // the job itself failed: a compile error, a module that the kernel would refuse
  usage,        // bad usage or bad input
  missing,      // something is missing on this machine: headers, a compiler, a tool
  denied,       // root's rights or a permission are missing
  no_space,     // the disk or a quota is full
  consent,      // a notice needs consent
  interrupted,  // a signal ended it: Ctrl-C or SIGTERM
};

// no_space or denied when the errno says so, otherwise `otherwise`.
ErrorKind kind_of(int number, ErrorKind otherwise);

// A place in a file that a user wrote. Lines and columns count from 1; 0 means "not known".
struct SourcePos {
  std::string file;
  int line = 0;
  int column = 0;
};

// What was tried, on what, why it failed, and what to do next. Each part is one clause without a final full stop.
struct Error {
  ErrorKind kind = ErrorKind::failed;
  std::string tried;  // "read the driver package /tmp/x.tar.xz"
  std::string why;    // "the archive ends in the middle of kernel/nvidia/nv.c"
  std::string next;   // "fetch it again"; may be empty
  std::optional<SourcePos> where = std::nullopt;
  int number = 0;  // the errno behind it; 0 when there is none

  // "cannot TRIED: WHY", with the position in front if there is one, and `next` on a second line.
  [[nodiscard]] std::string message() const;
};

// Either a T or an Error. Reading the wrong side is a bug and asserts.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] explicit operator bool() const { return state_.index() == 0; }
  [[nodiscard]] T& value() & {
    assert(*this);
    return std::get<0>(state_);
  }
  [[nodiscard]] const T& value() const& {
    assert(*this);
    return std::get<0>(state_);
  }
  [[nodiscard]] T&& value() && {
    assert(*this);
    return std::get<0>(std::move(state_));
  }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
  [[nodiscard]] T* operator->() { return &value(); }
  [[nodiscard]] const T* operator->() const { return &value(); }
  [[nodiscard]] Error& error() {
    assert(!*this);
    return std::get<1>(state_);
  }
  [[nodiscard]] const Error& error() const {
    assert(!*this);
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] explicit operator bool() const { return !error_; }
  [[nodiscard]] Error& error() {
    assert(error_);
    return *error_;
  }
  [[nodiscard]] const Error& error() const {
    assert(error_);
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace vgpukit

// Leaves the function with the error of `expr`, if it has one.
#define VGPUKIT_CONCAT2(a, b) a##b
#define VGPUKIT_CONCAT(a, b) VGPUKIT_CONCAT2(a, b)
#define TRY(expr)                                                                    \
  if (auto VGPUKIT_CONCAT(try_, __LINE__) = (expr); !VGPUKIT_CONCAT(try_, __LINE__)) \
  return std::move(VGPUKIT_CONCAT(try_, __LINE__).error())

// Declares `decl` with the value of `expr`, or leaves the function with its error: TRY_ASSIGN(auto x, f());
#define TRY_ASSIGN(decl, expr)                                                                   \
  auto VGPUKIT_CONCAT(try_, __LINE__) = (expr);                                                  \
  if (!VGPUKIT_CONCAT(try_, __LINE__)) return std::move(VGPUKIT_CONCAT(try_, __LINE__).error()); \
  decl = std::move(VGPUKIT_CONCAT(try_, __LINE__)).value()
