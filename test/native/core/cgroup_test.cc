#include "core/cgroup.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include "check.h"
#include "core/error.h"
#include "core/machine.h"

namespace quern::test {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();
constexpr double kNoQuota = std::numeric_limits<double>::infinity();

// A folder where groups are "mounted", which goes away with the test.
class Groups {
 public:
  Groups() {
    std::string name = (fs::temp_directory_path() / "quern-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw Error("internal", "no temporary folder");
    root_ = name;
  }
  Groups(const Groups&) = delete;
  Groups& operator=(const Groups&) = delete;
  ~Groups() { fs::remove_all(root_); }
  void write(const std::string& file, const std::string& line) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << line << "\n";
  }
  std::string at(const std::string& folder) const { return (root_ / folder).string(); }
  // Lines of mountinfo.
  std::string mount(const std::string& folder, const std::string& root, const std::string& type,
                    const std::string& options) const {
    return "32 31 0:29 " + root + " " + at(folder) + " rw,nosuid shared:9 - " + type + " none " + options +
           "\n";
  }

 private:
  fs::path root_;
};

const std::string kOther = "23 28 0:22 / /proc rw,relatime - proc proc rw\nnonsense\n";

TEST(version_2_is_read_up_to_its_root) {
  const Groups groups;
  const std::string mounts = kOther + groups.mount("cg", "/", "cgroup2", "rw");
  const ControlGroups found = find_groups("0::/a/b\n", mounts);
  CHECK_EQ(found.unified.size(), size_t{3});
  CHECK_EQ(found.unified.at(0), groups.at("cg/a/b"));
  CHECK_EQ(found.unified.at(2), groups.at("cg"));
  CHECK_EQ(memory_left(found), kUnlimited);
  CHECK_EQ(processor_quota(found), kNoQuota);
  groups.write("cg/a/b/memory.max", "max");
  groups.write("cg/a/b/memory.current", "700");
  groups.write("cg/a/memory.max", "1000");
  groups.write("cg/a/memory.current", "800");
  groups.write("cg/a/b/cpu.max", "150000 100000");
  groups.write("cg/a/cpu.max", "max 100000");
  CHECK_EQ(memory_left(found), uint64_t{200});
  CHECK_EQ(processor_quota(found), 1.5);
}

TEST(version_1_has_a_hierarchy_for_each_controller) {
  const Groups groups;
  const std::string mounts = kOther + groups.mount("cpu,cpuacct", "/", "cgroup", "rw,cpu,cpuacct") +
                             groups.mount("memory", "/", "cgroup", "rw,memory");
  const ControlGroups found = find_groups("4:memory:/m/n\n3:cpuset:/s\n2:cpu,cpuacct:/c\n", mounts);
  CHECK_EQ(found.unified.size(), size_t{0});
  CHECK_EQ(found.memory.at(0), groups.at("memory/m/n"));
  CHECK_EQ(found.cpu.at(0), groups.at("cpu,cpuacct/c"));
  groups.write("memory/m/n/memory.limit_in_bytes", "9223372036854771712");  // none
  groups.write("memory/m/n/memory.usage_in_bytes", "300");
  groups.write("memory/m/memory.limit_in_bytes", "1000");
  groups.write("memory/m/memory.usage_in_bytes", "400");
  groups.write("cpu,cpuacct/c/cpu.cfs_quota_us", "-1");
  groups.write("cpu,cpuacct/c/cpu.cfs_period_us", "100000");
  CHECK_EQ(memory_left(found), uint64_t{600});
  CHECK_EQ(processor_quota(found), kNoQuota);
  groups.write("cpu,cpuacct/cpu.cfs_quota_us", "250000");
  groups.write("cpu,cpuacct/cpu.cfs_period_us", "100000");
  CHECK_EQ(processor_quota(found), 2.5);
  groups.write("memory/m/n/memory.limit_in_bytes", "200");  // less than is used already
  CHECK_EQ(memory_left(found), uint64_t{0});
}

TEST(of_a_hybrid_both_count) {
  const Groups groups;
  const std::string mounts = groups.mount("unified", "/", "cgroup2", "rw") +
                             groups.mount("cpu", "/", "cgroup", "rw,cpu") +
                             groups.mount("memory", "/", "cgroup", "rw,memory");
  const ControlGroups found = find_groups("5:memory:/\n1:cpu:/\n0::/\n", mounts);
  groups.write("unified/cpu.max", "300000 100000");
  groups.write("cpu/cpu.cfs_quota_us", "100000");
  groups.write("cpu/cpu.cfs_period_us", "100000");
  groups.write("memory/memory.limit_in_bytes", "1000");
  groups.write("memory/memory.usage_in_bytes", "1");
  CHECK_EQ(processor_quota(found), 1.0);
  CHECK_EQ(memory_left(found), uint64_t{999});
}

TEST(a_container_sees_its_own_group_as_the_root) {
  const Groups groups;
  const auto folder = [&](const std::string& root, const std::string& path) {
    const auto mounts = groups.mount("memory", root, "cgroup", "rw,memory");
    return find_groups("4:memory:" + path + "\n", mounts).memory.at(0);
  };
  CHECK_EQ(folder("/docker/12", "/docker/12"), groups.at("memory"));
  CHECK_EQ(folder("/docker/12", "/docker/12/inner"), groups.at("memory/inner"));
  CHECK_EQ(folder("/docker/12", "/docker/123"), groups.at("memory"));
  CHECK_EQ(folder("/docker/12", "/elsewhere"), groups.at("memory"));
  CHECK_EQ(folder("/", "/../../other"), groups.at("memory"));
}

TEST(odd_texts_are_no_limits) {
  const Groups groups;
  CHECK_EQ(find_groups("", "").memory.size(), size_t{0});
  CHECK_EQ(find_groups("memory\n::\n4:memory\n", "- cgroup\n a - cgroup2\n").cpu.size(), size_t{0});
  const std::string mounts = groups.mount("a b", "/", "cgroup", "rw,memory,cpu");
  std::string escaped = mounts;
  escaped.replace(escaped.find("a b"), 3, "a\\040b");
  const ControlGroups found = find_groups("4:cpu,memory:/\n", escaped);
  CHECK_EQ(found.memory.at(0), groups.at("a b"));
  groups.write("a b/memory.limit_in_bytes", "");
  groups.write("a b/memory.usage_in_bytes", "5");
  groups.write("a b/cpu.cfs_quota_us", "100000");
  groups.write("a b/cpu.cfs_period_us", "0");
  CHECK_EQ(memory_left(found), kUnlimited);
  CHECK_EQ(processor_quota(found), kNoQuota);
}

TEST(this_machine_has_some_of_both) {
  CHECK(usable_processors() >= 1);
  CHECK(available_memory() > 0);
}

}  // namespace
}  // namespace quern::test
