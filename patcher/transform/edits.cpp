#include <algorithm>
#include <cassert>

#include "transform/lexer.hpp"

namespace vgpukit::transform {

void TextEdits::replace(std::size_t offset, std::size_t length, std::string text) {
  edits_.push_back({offset, length, std::move(text)});
}

std::string TextEdits::apply(std::string_view source) const {
  std::vector<const Edit*> order;
  order.reserve(edits_.size());
  for (const Edit& edit : edits_) order.push_back(&edit);
  std::stable_sort(order.begin(), order.end(), [](const Edit* a, const Edit* b) { return a->offset < b->offset; });
  std::string text;
  text.reserve(source.size());
  std::size_t at = 0;
  for (const Edit* edit : order) {
    assert(edit->offset >= at && edit->offset + edit->length <= source.size());
    text += source.substr(at, edit->offset - at);
    text += edit->text;
    at = edit->offset + edit->length;
  }
  return text += source.substr(at);
}

}  // namespace vgpukit::transform
