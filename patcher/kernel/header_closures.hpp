// Which files are included by a kernel's headers. For kernel/ and for conftest's snippets.
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

  // Adds the output of -E -dI for a text that includes headers one after the other. Numbers of known files do not
  // change.
  void add(std::string_view preprocessed);

  // Every file that these headers include, and those that -include adds to all. Nothing when a header is not known.
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

// Divides sets of files into chains: the indexes of the sets of a chain, ordered so that each set is a subset of the
// next one. For a chain a compiler reads the files of its last set.
std::vector<std::vector<std::size_t>> chains_of_closures(const std::vector<HeaderClosures::Files>& sets);

}  // namespace vgpukit::kernel
