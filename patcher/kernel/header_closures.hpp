// Which files a kernel's headers bring. For kernel/, and for conftest's snippets.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vgpukit::kernel {

class HeaderClosures {
 public:
  using Files = std::set<int>;

  // `preprocessed`: what -E -dI says of a text that includes headers, one after the other. Adds to what is known; the
  // numbers of files stay.
  void add(std::string_view preprocessed);

  // Every file that these headers bring, with those that -include brings to all; nothing where one of the headers is
  // not known.
  [[nodiscard]] std::optional<Files> of(const std::vector<std::string>& headers) const;
  [[nodiscard]] bool knows(const std::string& header) const { return named_.contains("<" + header + ">"); }
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }

 private:
  int file(const std::string& path);
  void reach(int from, Files& reached) const;

  std::vector<std::string> files_;  // by number
  std::map<std::string, int, std::less<>> index_;
  std::map<std::string, int, std::less<>> named_;  // "<linux/mm.h>", or FOLDER + "\"x.h\"" for the quoted form
  std::vector<Files> edges_;
};

// Shares out sets of files: the numbers of those of one chain, in an order in which each is a part of the one that
// follows. What a compiler has to read for a chain are the files of its last set.
std::vector<std::vector<std::size_t>> chains_of_closures(const std::vector<HeaderClosures::Files>& sets);

}  // namespace vgpukit::kernel
