#include "core/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <sstream>
#include <string_view>

namespace quern {

namespace {

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

std::string whole_text(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "max", "-1" and a file that is not there are no numbers.
std::optional<uint64_t> number(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

bool lists(const std::string& commas, const std::string& word) {
  return ("," + commas + ",").find("," + word + ",") != std::string::npos;
}

// Spaces and the like stand as \040 in mountinfo.
std::string unescaped(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const char* digits = text.data() + i + 1;
    const bool escape = text[i] == '\\' && i + 3 < text.size() &&
                        std::from_chars(digits, digits + 3, code, 8).ptr == digits + 3;
    result += escape ? static_cast<char>(code) : text[i];
    if (escape) i += 3;
  }
  return result;
}

// One line of mountinfo, as far as it matters: where a hierarchy is to be seen, and which part of it.
struct Mount {
  std::string root, point, type, controllers;
};

std::optional<Mount> parse_mount(const std::string& line) {
  const size_t separator = line.find(" - ");
  if (separator == std::string::npos) return std::nullopt;
  std::istringstream place(line), kind(line.substr(separator + 3));
  Mount mount;
  std::string id, parent, device, source;
  place >> id >> parent >> device >> mount.root >> mount.point;
  kind >> mount.type >> source >> mount.controllers;
  if (!place || !kind) return std::nullopt;
  mount.root = unescaped(mount.root);
  mount.point = unescaped(mount.point);
  return mount;
}

// The path of this process's group; of version 1 the line that lists the controller, of version 2 "0::path".
std::string group_path(const std::string& memberships, const std::string& controller) {
  std::istringstream lines(memberships);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool is_it = controller.empty() ? line.starts_with("0::") : lists(controllers, controller);
    if (is_it) return line.substr(second + 1);
  }
  return "";
}

// A container often sees its own group as the root of what is mounted, and its path from outside.
GroupFolders folders_below(const Mount& mount, std::string path) {
  if (mount.root != "/") {
    const bool inside =
        path.starts_with(mount.root) && (path.size() == mount.root.size() || path[mount.root.size()] == '/');
    path = inside ? path.substr(mount.root.size()) : "";
  }
  if (path.find("/..") != std::string::npos) path.clear();
  GroupFolders folders;
  while (path.size() > 1) {
    folders.push_back(mount.point + path);
    path.resize(path.find_last_of('/'));
  }
  folders.push_back(mount.point);
  return folders;
}

GroupFolders folders_of(const std::string& controller, const std::string& memberships,
                        const std::string& mounts) {
  const std::string path = group_path(memberships, controller);
  if (path.empty()) return {};
  std::istringstream lines(mounts);
  for (std::string line; std::getline(lines, line);) {
    const auto mount = parse_mount(line);
    if (!mount) continue;
    const bool is_it = controller.empty() ? mount->type == "cgroup2"
                                          : mount->type == "cgroup" && lists(mount->controllers, controller);
    if (is_it) return folders_below(*mount, path);
  }
  return {};
}

uint64_t least_left(const GroupFolders& folders, const char* limit_name, const char* used_name) {
  uint64_t least = kUnlimited;
  for (const std::string& folder : folders) {
    const auto limit = number(first_line(folder + limit_name)), used = number(first_line(folder + used_name));
    // Version 1 writes the largest number there is, rounded to pages, for no limit: more than any machine
    // has.
    if (limit && used) least = std::min(least, *limit - std::min(*limit, *used));
  }
  return least;
}

// A quota of time within a period, as a number of processors.
double share(std::string_view quota, std::string_view period) {
  const auto microseconds = number(quota), of = number(period);
  if (!microseconds || !of || *of == 0) return std::numeric_limits<double>::infinity();
  return static_cast<double>(*microseconds) / static_cast<double>(*of);
}

}  // namespace

ControlGroups find_groups(const std::string& memberships, const std::string& mounts) {
  return {folders_of("", memberships, mounts), folders_of("memory", memberships, mounts),
          folders_of("cpu", memberships, mounts)};
}

ControlGroups own_groups() {
  return find_groups(whole_text("/proc/self/cgroup"), whole_text("/proc/self/mountinfo"));
}

uint64_t memory_left(const ControlGroups& groups) {
  return std::min(least_left(groups.unified, "/memory.max", "/memory.current"),
                  least_left(groups.memory, "/memory.limit_in_bytes", "/memory.usage_in_bytes"));
}

double processor_quota(const ControlGroups& groups) {
  double least = std::numeric_limits<double>::infinity();
  for (const std::string& folder : groups.unified) {
    const std::string line = first_line(folder + "/cpu.max");
    const size_t space = line.find(' ');
    if (space != std::string::npos)
      least = std::min(least, share(line.substr(0, space), line.substr(space + 1)));
  }
  for (const std::string& folder : groups.cpu) {
    least = std::min(
        least, share(first_line(folder + "/cpu.cfs_quota_us"), first_line(folder + "/cpu.cfs_period_us")));
  }
  return least;
}

}  // namespace quern
