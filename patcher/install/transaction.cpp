#include "install/transaction.hpp"

#include "install/user_space.hpp"
#include "support/json_file.hpp"

namespace vgpukit::install {

namespace {

struct Places {
  explicit Places(const HostPaths& host) : folder(host.machine_state() / "install") {}
  fs::path folder;
  [[nodiscard]] fs::path record() const { return folder / "installed.json"; }
  [[nodiscard]] fs::path previous() const { return folder / "previous"; }
  [[nodiscard]] fs::path discarded() const { return folder / "discarded"; }
};

// Every step may run twice.
Status commit(const ChangeRules& rules, const Places& places, const InstallRecord& record, const OnStep& on_step) {
  const auto step = [&](const char* name) {
    if (on_step) on_step(name);
  };
  std::error_code bad;
  if (record.is_null()) {
    step("forget the installed driver");
    fs::remove(places.record(), bad);
    fs::remove_all(places.previous(), bad);
    fs::remove(places.folder / "nvidia-installer.log", bad);
    return {};
  }
  // working/ is absent if it became previous/ before a crash.
  if (fs::exists(rules.working(), bad)) {
    step("move the older snapshots away");
    fs::remove_all(places.discarded(), bad);
    TRY(move_path(places.previous(), places.discarded()));
    step("keep the snapshots for rollback");
    if (const auto old = installed_record(rules.host))
      TRY(write_file(rules.working() / "record.json", json_text(*old, 2) + "\n"));
    TRY(move_path(rules.working(), places.previous()));
  }
  step("record the installed driver");
  TRY(write_file(places.record(), json_text(record, 2) + "\n"));
  fs::remove_all(places.discarded(), bad);
  return {};
}

// A record whose parts have other types counts as damaged.
std::optional<InstallRecord> record_in(const fs::path& file) {
  auto record = json_if_readable(file);
  const auto is_text = [](const InstallRecord& each) { return each.is_string(); };
  const auto is_module = [](const InstallRecord& each) { return has_texts(each, {"name", "path", "hash"}); };
  const auto is_kernel = [&](const InstallRecord& each) {
    return each.is_object() && has_list(each, "modules", is_module);
  };
  if (record && has_texts(*record, {"version", "installed", "by"}) && has_list(*record, "modules", is_text) &&
      has_list(*record, "made", is_text) && has_map(*record, "kernels", is_kernel))
    return record;
  return std::nullopt;
}

}  // namespace

ChangeRules install_rules(const HostPaths& host) {
  const Places places(host);
  ChangeRules rules{host, places.folder, {}};
  rules.before_restore = [host](const std::vector<Snapshot>& snapshots) -> Status {
    for (const auto& each : snapshots) TRY(remove_new_user_space(host, each, /*cut_short=*/true));
    return {};
  };
  rules.commit = [rules, places](const InstallRecord& record, const OnStep& on_step) {
    return commit(rules, places, record, on_step);
  };
  return rules;
}

std::optional<InstallRecord> installed_record(const HostPaths& host) {
  return record_in(Places(host).record());
}

std::optional<InstallRecord> previous_record(const HostPaths& host) {
  return record_in(Places(host).previous() / "record.json");
}

Result<std::vector<Snapshot>> previous_state(const HostPaths& host) {
  return open_snapshots(host, Places(host).previous());
}

}  // namespace vgpukit::install
