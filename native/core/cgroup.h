#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace quern {

// A group's folder in one hierarchy of control groups, then its parents', up to the root that is mounted
// here: a limit of a group holds for all groups below it.
using GroupFolders = std::vector<std::string>;

// What limits this process. Version 1 has a hierarchy for each controller, version 2 ("unified") one for all;
// some systems have both.
struct ControlGroups {
  GroupFolders unified;
  GroupFolders memory;  // version 1
  GroupFolders cpu;     // version 1
};

// `memberships` and `mounts` are the texts of /proc/self/cgroup and /proc/self/mountinfo.
ControlGroups find_groups(const std::string& memberships, const std::string& mounts);

// The groups of this process.
ControlGroups own_groups();

// Bytes that the groups leave to their processes; UINT64_MAX without a limit.
uint64_t memory_left(const ControlGroups& groups);

// Processors' worth of time that the groups may have; infinite without a limit.
double processor_quota(const ControlGroups& groups);

}  // namespace quern
