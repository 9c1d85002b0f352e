#include "matrix/emit.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "matrix_texts.hpp"  // patcher/matrix/jobs/, put into the program by CMake

namespace vgpukit::matrix {

namespace {

// As YAML takes it, whatever is in it.
std::string yaml(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void replace_all(std::string& text, const std::string& mark, const std::string& by) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
}

std::size_t jobs_of(const Emission& emission, std::size_t most) {
  return emission.max_jobs == 0 ? most : std::min(emission.max_jobs, most);
}

Status check_path(const std::string& file) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./+-";
  const std::string tried = "write jobs for " + file;
  const auto normal = fs::path(file).lexically_normal();
  if (normal.is_absolute() || normal.string().starts_with(".."))
    return Error{ErrorKind::usage, tried, "a job finds it by its name in the repository",
                 "run this at the repository's top, and name the file from there"};
  if (file.find_first_not_of(plain) != std::string::npos || file.front() == '-')
    return Error{ErrorKind::usage, tried, "a shell would take this name for something else",
                 "give it a name of letters, digits and _ . + -"};
  return {};
}

std::string filled(std::string text, const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [mark, value] : values) replace_all(text, mark, value);
  return text;
}

// Jobs get no images from here: each of them asks its own podman.
std::string about_images(const Grid& grid, const Emission& emission) {
  std::string text;
  for (const auto& kernel : grid.file->kernels) {
    if (kernel.container.empty()) continue;
    text += "# " + kernel.name + " is built in a container image: a job needs podman";
    text += kernel.source.fetch.empty()
                ? " and the image, which nothing brings there (fetch: in the matrix file would): else its cells "
                  "are missing.\n"
                : ".\n";
  }
  if (!text.empty() && !emission.image.empty())
    text += "# Jobs run in a container themselves: podman works in there only where it may mount (--privileged).\n";
  return text;
}

}  // namespace

std::string head_of(const std::string& format, const Grid& grid, const Emission& emission) {
  std::string command = "vgpukit matrix emit --format " + format;
  if (emission.max_jobs > 0) command += " --max-jobs " + std::to_string(emission.max_jobs);
  if (!emission.image.empty()) command += " --image " + yaml(emission.image);
  if (!emission.setup.empty()) command += " --setup " + yaml(emission.setup);
  return "# Written by: " + command + " " + emission.file + "\n" + about_images(grid, emission);
}

std::vector<Part> parts_of(const Grid& grid, std::size_t most) {
  const auto cells = grid.cells.size();
  const auto count = std::min(cells, most);
  std::vector<Part> parts;
  for (std::size_t i = 0; i < count; ++i) {
    const auto more = (cells - i - 1) / count;  // select_cells() gives it every count-th from here
    parts.push_back({grid.label(grid.cells[i]) + (more > 0 ? " and " + std::to_string(more) + " more" : ""),
                     std::to_string(i + 1) + "/" + std::to_string(count)});
  }
  return parts;
}

Result<std::string> github_of(const Grid& grid, const Emission& emission) {
  TRY(check_path(emission.file));
  const std::string setup =
      emission.setup.empty() ? "" : "      - name: Bring vgpukit\n        run: " + yaml(emission.setup) + "\n";
  const std::string container = emission.image.empty() ? "" : "    container: " + yaml(emission.image) + "\n";
  return head_of("github", grid, emission) +
         filled(std::string(matrix_texts::github), {{"@jobs", std::to_string(jobs_of(emission, most_jobs_on_github))},
                                                    {"@file", emission.file},
                                                    {"@container", container},
                                                    {"@setup", setup}});
}

Result<std::string> gitlab_of(const Grid& grid, const Emission& emission) {
  TRY(check_path(emission.file));
  std::string parts;
  for (const auto& part : parts_of(grid, jobs_of(emission, most_jobs_on_gitlab)))
    parts += "      - {CELL: " + yaml(part.name) + ", SHARD: " + yaml(part.shard) + "}\n";
  const std::string setup = emission.setup.empty() ? "" : "  before_script:\n    - " + yaml(emission.setup) + "\n";
  const std::string image = emission.image.empty() ? "" : "  image: " + yaml(emission.image) + "\n";
  return head_of("gitlab", grid, emission) +
         filled(std::string(matrix_texts::gitlab),
                {{"@file", emission.file}, {"@parts", parts}, {"@image", image}, {"@setup", setup}});
}

}  // namespace vgpukit::matrix
