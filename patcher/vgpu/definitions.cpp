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
constexpr unsigned most_instances = 16;

class FileParser {
 public:
  explicit FileParser(const std::string& file) : yaml_(file) {}

  Result<Definitions> parse(const std::string& text) {
    TRY_ASSIGN(const auto root, yaml_.parse_or_empty(text));
    if (!root) return std::move(found_);
    TRY(yaml_.check_keys(*root, "the file", {"cards", "vgpus"}, {}));
    if (!(*root)["cards"] && !(*root)["vgpus"]) return yaml_.expected(*root, "a list vgpus, or cards,");
    for (const auto* key : {"cards", "vgpus"}) {
      const auto list = (*root)[key];
      if (!list || list.is_null()) continue;
      if (!list.is_sequence()) return yaml_.expected(list, std::string("a list for ") + key);
      for (const auto& item : list.items()) TRY(key == std::string_view("cards") ? card(item) : entry(item));
    }
    return std::move(found_);
  }

 private:
  // An address, a serial number or a GPU's UUID.
  Result<std::string> card_name(const YamlNode& node) {
    TRY_ASSIGN(auto name, yaml_.text(node, "card"));
    if (name.find('/') != std::string::npos)
      return yaml_.wrong(node, "'" + name + "' cannot be a card", "a PCI address, a serial number or a GPU's UUID");
    if (const auto address = pci_address(name)) return *address;
    return name;
  }

  Status card(const YamlNode& item) {
    TRY(yaml_.check_keys(item, "a card", {"card", "mixed-sizes", "gpu-instances"}, {"card"}));
    CardSettings one;
    one.where = yaml_.at(item);
    TRY_ASSIGN(one.card, card_name(item["card"]));
    for (const auto& other : found_.cards)
      if (other.card == one.card)
        return yaml_.wrong(
            item["card"], one.card + " is under cards twice; the first is in line " + std::to_string(other.where.line));
    if (const auto mixed = item["mixed-sizes"]) {
      TRY_ASSIGN(one.mixed_sizes, yaml_.flag(mixed, "mixed-sizes"));
    }
    if (const auto instances = item["gpu-instances"]) {
      TRY_ASSIGN(const auto all, yaml_.items(instances, "gpu-instances"));
      for (const auto& each : all) {
        TRY(yaml_.check_keys(each, "a GPU instance", {"profile", "count"}, {"profile"}));
        GpuInstances some;
        TRY_ASSIGN(some.profile, yaml_.text(each["profile"], "profile"));
        if (!is_profile(some.profile))
          return yaml_.wrong(each["profile"], "'" + some.profile + "' cannot be a profile of GPU instances",
                             "a name such as 1g.24gb+gfx, or a number, as nvidia-smi mig -lgip lists them");
        if (const auto count = each["count"]) {
          TRY_ASSIGN(const auto text, yaml_.text(count, "count"));
          some.count = number_in<unsigned>(text).value_or(0);
          if (some.count == 0 || some.count > most_instances)
            return yaml_.expected(count, "a number from 1 to " + std::to_string(most_instances) + " for count");
        }
        one.gpu_instances.push_back(std::move(some));
      }
    }
    if (one.mixed_sizes && !one.gpu_instances.empty())
      return yaml_.wrong(item["mixed-sizes"], "mixed sizes are for cards without MIG mode",
                         "the sizes of GPU instances are their profiles");
    found_.cards.push_back(std::move(one));
    return {};
  }

  // "1g.24gb+gfx", "2c.3g.20gb", "47". It becomes an argument of nvidia-smi.
  static bool is_profile(const std::string& text) {
    return text.front() >= '0' && text.front() <= '9' && std::all_of(text.begin(), text.end(), [](char each) {
             return is_identifier_character(each) || each == '.' || each == '+' || each == '-';
           });
  }

  Status entry(const YamlNode& item) {
    TRY(yaml_.check_keys(item, "a vGPU",
                         {"card", "type", "count", "uuids", "functions", "params", "placement", "start"},
                         {"card", "type"}));
    VgpuDefinition one;
    TRY_ASSIGN(one.card, card_name(item["card"]));
    TRY_ASSIGN(one.type, yaml_.text(item["type"], "type"));
    if (one.type.find('/') != std::string::npos)
      return yaml_.wrong(item["type"], "'" + one.type + "' cannot be a type",
                         "an id or a name of 'vgpukit vgpu types'");
    const auto given = [&](const char* key) { return item[key] ? 1 : 0; };
    if (given("count") + given("uuids") + given("functions") != 1)
      return yaml_.wrong(item, "a vGPU has exactly one of count, uuids and functions",
                         "count: 2, or uuids: [...], or for cards with vendor VFIO functions: [...]");
    TRY(settings(item, one));
    if (item["count"]) return counted(item["count"], one);
    const bool uuids = static_cast<bool>(item["uuids"]);
    const auto list = uuids ? item["uuids"] : item["functions"];
    TRY(yaml_.texts(list, uuids ? "uuids" : "functions"));
    if (!list.is_sequence()) return named(list, one, uuids);
    for (const auto& name : list.items()) TRY(named(name, one, uuids));
    return {};
  }

  // params, placement and start.
  Status settings(const YamlNode& item, VgpuDefinition& one) {
    if (const auto params = item["params"]; params && !params.is_null()) {
      if (!params.is_map()) return yaml_.expected(params, "a map for params, such as {frame_rate_limiter: 0},");
      PluginParams all;
      for (const auto& [name, value] : params.entries()) {
        TRY_ASSIGN(const auto text, yaml_.text(value, "the parameter " + name.scalar()));
        auto param = parse_param(name.scalar() + "=" + text);
        if (!param) return yaml_.wrong(name, param.error().why, param.error().next);
        for (const auto& other : all)
          if (other.first == param->first) return yaml_.wrong(name, "the parameter " + other.first + " is given twice");
        all.push_back(std::move(*param));
      }
      set_attribute(one.attributes, params_attribute, params_text(all));
    }
    if (const auto placement = item["placement"]) {
      TRY_ASSIGN(const auto text, yaml_.text(placement, "placement"));
      if (!number_in<unsigned>(text)) return yaml_.expected(placement, "a number from 0 for placement");
      const auto list = item["uuids"] ? item["uuids"] : item["functions"];
      if (item["count"] || (list.is_sequence() && list.size() != 1))
        return yaml_.wrong(placement, "a placement is for one vGPU",
                           "write an entry with one UUID or function for each placement");
      set_attribute(one.attributes, placement_attribute, text);
    }
    if (const auto start = item["start"]) {
      TRY_ASSIGN(const auto text, yaml_.text(start, "start"));
      if (text != "auto" && text != "manual") return yaml_.expected(start, "auto or manual for start");
      one.automatic = text == "auto";
    }
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
    if (found_.all.size() == most_of_a_file)
      return yaml_.wrong(node, "more than " + std::to_string(most_of_a_file) + " vGPUs, which no machine has");
    one.where = yaml_.at(node);
    const auto [first, fresh] = lines_.emplace(one.name, one.where.line);
    if (!fresh)
      return yaml_.wrong(node,
                         one.name + " is in the file twice; the first is in line " + std::to_string(first->second));
    found_.all.push_back(std::move(one));
    return {};
  }

  YamlReader yaml_;
  Definitions found_;
  std::map<std::string, int> lines_;
  std::map<std::pair<std::string, std::string>, unsigned> counts_;
};

}  // namespace

fs::path vgpus_file(const HostPaths& host) {
  return host.in_root("/etc/vgpukit/vgpus.yaml");
}

Result<Definitions> parse_vgpus_file(const std::string& file, const std::string& text) {
  return FileParser(file).parse(text);
}

Result<std::vector<VgpuDefinition>> parse_vgpus(const std::string& file, const std::string& text) {
  TRY_ASSIGN(auto found, parse_vgpus_file(file, text));
  return std::move(found.all);
}

Result<Definitions> load_definitions(const HostPaths& host) {
  Definitions found;
  std::error_code ignored;
  if (const auto file = vgpus_file(host); fs::exists(file, ignored)) {
    TRY_ASSIGN(const auto text, read_file(file));
    TRY_ASSIGN(found, parse_vgpus_file(file.string(), text));
  }
  std::set<std::string> ours;
  for (const auto& each : found.all) ours.insert(each.name);
  for (auto& each : load_mdevctl(host, found.bad))
    if (!(each.exported && ours.contains(each.name))) found.all.push_back(std::move(each));
  return found;
}

namespace {

std::string quoted(const std::string& text) {
  std::string all = "\"";
  for (const char each : text) all += std::string(each == '"' || each == '\\' ? "\\" : "") + each;
  return all + "\"";
}

// The entry of one vGPU with a name, in one line.
std::string entry_line(const VgpuDefinition& device) {
  auto line = "- {card: " + quoted(device.card) + ", type: " + quoted(device.type) +
              (pci_address(device.name) ? ", functions: [" : ", uuids: [") + quoted(device.name) + "]";
  if (const auto params = params_of(device.attributes); !params.empty())
    line += ", params: {" +
            join(params, ", ", [](const auto& each) { return each.first + ": " + quoted(each.second); }) + "}";
  if (const auto* placement = find_attribute(device.attributes, placement_attribute))
    line += ", placement: " + *placement;
  return line + (device.automatic ? "" : ", start: manual") + "}";
}

}  // namespace

Result<std::string> with_device(const std::string& file, const std::string& text, const VgpuDefinition& device) {
  TRY_ASSIGN(const auto before, parse_vgpus(file, text));
  TRY_ASSIGN(const auto root, YamlReader(file).parse_or_empty(text));
  auto added = text;
  if (trimmed(text).empty()) added = "# The vGPUs of this machine: see vgpukit's docs/vgpus.md\n";
  if (added.back() != '\n') added += '\n';
  if (!root || !(*root)["vgpus"]) added += "vgpus:\n";
  if (before.empty() && added.ends_with("vgpus: []\n")) added.replace(added.size() - 4, 4, "\n");
  const auto line = entry_line(device);
  // The list may be indented or not. The result is parsed to find out which indentation is right.
  for (const auto* indent : {"  ", ""}) {
    const auto all = added + indent + line + "\n";
    const auto after = parse_vgpus(file, all);
    if (after && after->size() == before.size() + 1 && after->back().name == device.name) return all;
  }
  return Error{ErrorKind::usage, "add " + device.name + " to " + file, "no line can be added at the end of its list",
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
