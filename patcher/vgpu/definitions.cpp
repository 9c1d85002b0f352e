#include "vgpu/definitions.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "support/atomic_file.hpp"
#include "support/number.hpp"
#include "support/text.hpp"
#include "support/yaml_reader.hpp"
#include "vgpu/mdevctl.hpp"
#include "vgpu/uuid.hpp"
#include "vgpu/vgpu.hpp"

namespace vgpukit::vgpu {

namespace {

constexpr unsigned most_of_one_entry = 1024;
constexpr std::size_t most_of_a_file = 16384;  // 16 cards with 32 vGPUs each are 512

class FileParser {
 public:
  explicit FileParser(const std::string& file) : yaml_(file) {}

  Result<std::vector<VgpuDefinition>> parse(const std::string& text) {
    TRY_ASSIGN(const auto root, yaml_.parse_or_empty(text));
    if (!root) return std::move(all_);
    TRY(yaml_.check_keys(*root, "the file", {"vgpus"}, {"vgpus"}));
    const auto list = (*root)["vgpus"];
    if (list.is_null()) return std::move(all_);
    if (!list.is_sequence()) return yaml_.expected(list, "a list for vgpus");
    for (const auto& item : list.items()) TRY(entry(item));
    return std::move(all_);
  }

 private:
  Status entry(const YamlNode& item) {
    TRY(yaml_.check_keys(item, "a vGPU", {"card", "type", "count", "uuids", "functions"}, {"card", "type"}));
    VgpuDefinition one;
    TRY_ASSIGN(one.card, yaml_.text(item["card"], "card"));
    if (const auto address = pci_address(one.card)) one.card = *address;
    TRY_ASSIGN(one.type, yaml_.text(item["type"], "type"));
    if (one.card.find('/') != std::string::npos)
      return yaml_.wrong(item["card"], "'" + one.card + "' cannot be a card",
                         "a PCI address, a serial number or a GPU's UUID");
    if (one.type.find('/') != std::string::npos)
      return yaml_.wrong(item["type"], "'" + one.type + "' cannot be a type",
                         "an id or a name of 'vgpukit vgpu types'");
    const auto given = [&](const char* key) { return item[key] ? 1 : 0; };
    if (given("count") + given("uuids") + given("functions") != 1)
      return yaml_.wrong(item, "a vGPU has exactly one of count, uuids and functions",
                         "count: 2, or uuids: [...], or for cards with vendor VFIO functions: [...]");
    if (item["count"]) return counted(item["count"], one);
    const bool uuids = static_cast<bool>(item["uuids"]);
    const auto list = uuids ? item["uuids"] : item["functions"];
    TRY(yaml_.texts(list, uuids ? "uuids" : "functions"));
    if (!list.is_sequence()) return named(list, one, uuids);
    for (const auto& name : list.items()) TRY(named(name, one, uuids));
    return {};
  }

  Status counted(const YamlNode& node, VgpuDefinition one) {
    TRY_ASSIGN(const auto text, yaml_.text(node, "count"));
    auto count = number_in<unsigned>(text).value_or(0);
    if (count == 0 || count > most_of_one_entry)
      return yaml_.expected(node, "a number from 1 to " + std::to_string(most_of_one_entry) + " for count");
    one.counted = true;
    // A second entry for the same card and type goes on counting.
    const std::pair key(one.card, one.type);
    unsigned& index = counts_[key];
    for (; count > 0; --count) {
      one.name = derived_uuid("vgpukit vgpu\n" + one.card + "\n" + one.type + "\n" + std::to_string(index++));
      TRY(add(node, one));
    }
    return {};
  }

  Status named(const YamlNode& node, VgpuDefinition one, bool uuid) {
    if (uuid) {
      auto parsed = parse_uuid(node.scalar());
      if (!parsed) return yaml_.wrong(node, "'" + node.scalar() + "' is no UUID", parsed.error().next);
      one.name = *parsed;
    } else {
      const auto address = pci_address(node.scalar());
      if (!address) return yaml_.expected(node, "the PCI address of a virtual function, such as 0000:41:00.4,");
      one.name = *address;
    }
    return add(node, one);
  }

  Status add(const YamlNode& node, VgpuDefinition one) {
    if (all_.size() == most_of_a_file)
      return yaml_.wrong(node, "more than " + std::to_string(most_of_a_file) + " vGPUs, which no machine has");
    one.where = yaml_.at(node);
    const auto [first, fresh] = lines_.emplace(one.name, one.where.line);
    if (!fresh)
      return yaml_.wrong(node,
                         one.name + " is in the file twice; the first is in line " + std::to_string(first->second));
    all_.push_back(std::move(one));
    return {};
  }

  YamlReader yaml_;
  std::vector<VgpuDefinition> all_;
  std::map<std::string, int> lines_;
  std::map<std::pair<std::string, std::string>, unsigned> counts_;
};

}  // namespace

fs::path vgpus_file(const HostPaths& host) {
  return host.in_root("/etc/vgpukit/vgpus.yaml");
}

Result<std::vector<VgpuDefinition>> parse_vgpus(const std::string& file, const std::string& text) {
  return FileParser(file).parse(text);
}

Result<Definitions> load_definitions(const HostPaths& host) {
  Definitions found;
  std::error_code ignored;
  if (const auto file = vgpus_file(host); fs::exists(file, ignored)) {
    TRY_ASSIGN(const auto text, read_file(file));
    TRY_ASSIGN(found.all, parse_vgpus(file.string(), text));
  }
  std::set<std::string> ours;
  for (const auto& each : found.all) ours.insert(each.name);
  for (auto& each : load_mdevctl(host, found.bad))
    if (!(each.exported && ours.contains(each.name))) found.all.push_back(std::move(each));
  return found;
}

Result<std::string> with_function(const std::string& file, const std::string& text, const std::string& card,
                                  const std::string& type, const std::string& function) {
  TRY_ASSIGN(const auto before, parse_vgpus(file, text));
  TRY_ASSIGN(const auto root, YamlReader(file).parse_or_empty(text));
  auto added = text;
  if (trimmed(text).empty()) added = "# The vGPUs of this machine: see vgpukit's docs/vgpus.md\n";
  if (added.back() != '\n') added += '\n';
  if (!root) added += "vgpus:\n";
  if (before.empty() && added.ends_with("vgpus: []\n")) added.replace(added.size() - 4, 4, "\n");
  std::string quoted = "\"";
  for (const char each : type) quoted += std::string(each == '"' || each == '\\' ? "\\" : "") + each;
  const auto line = "- {card: \"" + card + "\", type: " + quoted + "\", functions: [\"" + function + "\"]}";
  // The list may be indented or not. The result is parsed to find out which indentation is right.
  for (const auto* indent : {"  ", ""}) {
    const auto all = added + indent + line + "\n";
    const auto after = parse_vgpus(file, all);
    if (after && after->size() == before.size() + 1 && after->back().name == function) return all;
  }
  return Error{ErrorKind::usage, "add " + function + " to " + file, "no line can be added at the end of its list",
               "write it into the list yourself: " + line};
}

Result<std::string> without_device(const std::string& file, const std::string& text, const std::string& name) {
  TRY_ASSIGN(const auto before, parse_vgpus(file, text));
  const auto found = std::find_if(before.begin(), before.end(), [&](const auto& each) { return each.name == name; });
  if (found == before.end()) return Error{ErrorKind::usage, "undefine " + name, file + " does not hold it", ""};
  std::size_t begin = 0;
  for (int line = 1; line < found->where.line; ++line) begin = text.find('\n', begin) + 1;
  auto all = text;
  all.erase(begin, std::min(text.find('\n', begin), text.size() - 1) + 1 - begin);
  auto after = parse_vgpus(file, all);
  // "vgpus:" without entries is an empty list.
  if (after && after->size() + 1 == before.size() &&
      std::none_of(after->begin(), after->end(), [&](const auto& each) { return each.name == name; }))
    return all;
  return Error{ErrorKind::usage, "undefine " + name, "it shares its lines with others",
               "remove it from the file yourself", found->where};
}

}  // namespace vgpukit::vgpu
