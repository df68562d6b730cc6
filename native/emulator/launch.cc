// Launches: the blocks of a grid one after another, in an order that may be asked for, and what they counted.
#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "emulator/arena.h"
#include "emulator/asked.h"
#include "emulator/checker.h"
#include "emulator/counters.h"
#include "emulator/executor.h"
#include "emulator/report.h"

namespace quern::emulator {

namespace {

constexpr uint32_t kStackBytes = 32 << 10;             // of a lane, where functions are called
constexpr uint64_t kMostInstructions = 2'000'000'000;  // of a block: one that runs longer never ends
constexpr uint64_t kSlice = 1 << 20;                   // that a warp runs before others do

// What is asked for by QUERN_EMULATOR_ORDER, _ASYNC and _CHECK.
struct Settings {
  Order order;
  bool is_checked = true;

  Settings() {
    constexpr std::string_view kRandom = "random:";
    const std::string_view asked = asked_text("QUERN_EMULATOR_ORDER");
    if (asked == "descending") {
      order.kind = Order::Kind::descending;
    } else if (asked.starts_with(kRandom) && read_number(asked.substr(kRandom.size()), order.seed)) {
      order.kind = Order::Kind::random;
    } else if (!asked.empty() && asked != "ascending") {
      refuse_asked("QUERN_EMULATOR_ORDER", "ascending, descending or random:<seed>");
    }
    order.async_is_late = asked_word("QUERN_EMULATOR_ASYNC", {"late", "early"}) == "late";
    is_checked = asked_checks() != "none";
  }
};

Settings& settings() {
  static Settings& all = *new Settings();  // a process may end while a thread of its still computes
  return all;
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 1) {}
  uint64_t below(uint64_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_ % limit;
  }

 private:
  uint64_t state_;
};

// Warps that no launch has: their registers are many pages, which are not asked of the system for each
// launch.
std::vector<std::unique_ptr<Warp>>& idle_warps() {
  static auto& all = *new std::vector<std::unique_ptr<Warp>>();
  return all;
}

std::unique_ptr<Warp> take_warp() {
  auto& idle = idle_warps();
  if (idle.empty()) return std::make_unique<Warp>();
  std::unique_ptr<Warp> warp = std::move(idle.back());
  idle.pop_back();
  warp->has_stopped = false;
  return warp;
}

class Launch {
 public:
  Launch(const Kernel& kernel, const LaunchShape& shape, const Chain* chain);
  ~Launch() {
    for (auto& warp : block_.warps) idle_warps().push_back(std::move(warp));
  }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;
  bool run();
  const Counters& counters() const { return block_.counters; }

 private:
  bool run_block(uint64_t number);
  void begin_warp(Warp& warp);
  void fill_of_block();
  bool run_warps();
  void check_waited() const;
  std::vector<size_t> order(size_t count);
  std::string waiting() const;

  const Kernel& kernel_;
  const Program& program_;
  const LaunchShape& shape_;
  const Chain* const chain_;
  const Order& order_;
  Random random_;
  uint32_t threads_ = 0;
  Block block_;
  std::vector<std::byte> of_warps_, constants_;
  std::unique_ptr<std::byte[]> local_;
  uint32_t local_stride_ = 0;
};

Launch::Launch(const Kernel& kernel, const LaunchShape& shape, const Chain* chain)
    : kernel_(kernel),
      program_(kernel.program()),
      shape_(shape),
      chain_(chain),
      order_(settings().order),
      random_(order_.seed) {
  threads_ = shape.block.x * shape.block.y * shape.block.z;
  const uint32_t warps = (threads_ + kLanes - 1) / kLanes;
  block_.kernel = &kernel;
  block_.shape = shape.block;
  block_.grid = shape.grid;
  block_.shared = Arena::instance().shared();
  block_.shared_bytes = shape.dynamic_shared_bytes ? kernel.dynamic_shared_offset + shape.dynamic_shared_bytes
                                                   : kernel.laid_out_shared_bytes;
  block_.is_checked = settings().is_checked;
  block_.async_is_late = order_.async_is_late;
  block_.of_block.resize(special::of_block_count * kLanes * 4);
  of_warps_.resize(size_t{warps} * special::of_warp_count * kLanes * 4);
  const uint32_t own = program_.functions[0].local_bytes;
  local_stride_ = program_.has_calls ? kStackBytes + own : own;
  if (local_stride_)
    local_ = std::make_unique_for_overwrite<std::byte[]>(size_t{local_stride_} * kLanes * warps + 16);
  for (uint32_t w = 0; w < warps; ++w) {
    auto warp = take_warp();
    warp->program = &program_;
    warp->block = &block_;
    warp->index = static_cast<int>(w);
    warp->of_warp = of_warps_.data() + size_t{w} * special::of_warp_count * kLanes * 4;
    warp->local_stride = local_stride_;
    if (local_stride_) {
      auto begin = reinterpret_cast<uintptr_t>(local_.get());
      begin = (begin + 15) / 16 * 16;
      warp->local = reinterpret_cast<std::byte*>(begin) + size_t{w} * kLanes * local_stride_;
    }
    const size_t bytes = program_.functions[0].register_bytes;
    if (warp->registers.size() < bytes) warp->registers.resize(bytes);
    auto* planes = reinterpret_cast<uint32_t*>(warp->of_warp);
    for (uint32_t l = 0; l < kLanes; ++l) {
      const uint32_t thread = w * kLanes + l;
      const auto set = [&](special::OfWarp which, uint32_t value) { planes[which * kLanes + l] = value; };
      set(special::tid_x, thread % shape.block.x);
      set(special::tid_y, thread / shape.block.x % shape.block.y);
      set(special::tid_z, thread / (shape.block.x * shape.block.y));
      set(special::laneid, l);
      set(special::warpid, w);
      set(special::lanemask_eq, 1u << l);
      set(special::lanemask_lt, (1u << l) - 1);
      set(special::lanemask_le, (2u << l) - 1);
      set(special::lanemask_gt, ~((2u << l) - 1));
      set(special::lanemask_ge, ~((1u << l) - 1));
    }
    block_.warps.push_back(std::move(warp));
  }
}

std::vector<size_t> Launch::order(size_t count) {
  std::vector<size_t> all(count);
  std::iota(all.begin(), all.end(), size_t{0});
  if (order_.kind == Order::Kind::descending) std::reverse(all.begin(), all.end());
  if (order_.kind == Order::Kind::random) {
    for (size_t i = count; i > 1; --i) std::swap(all[i - 1], all[random_.below(i)]);
  }
  return all;
}

bool Launch::run() {
  const uint64_t blocks = uint64_t{shape_.grid.x} * shape_.grid.y * shape_.grid.z;
  Checker& checker = Checker::instance();
  if (block_.is_checked)
    checker.begin_launch(
        kernel_.name, [this](uint32_t pc) { return kernel_.describe(pc); }, chain_);
  if (!block_.is_checked) Arena::instance().touch_all();
  bool is_fine = true;
  for (const uint64_t number : order(blocks)) {
    is_fine = run_block(number);
    if (!is_fine) break;
  }
  if (block_.is_checked) is_fine = checker.end_launch() && is_fine;
  return is_fine;
}

void Launch::fill_of_block() {
  auto* planes = reinterpret_cast<uint32_t*>(block_.of_block.data());
  const auto set = [&](special::OfBlock which, uint32_t value) {
    std::fill_n(planes + which * kLanes, kLanes, value);
  };
  set(special::ntid_x, block_.shape.x);
  set(special::ntid_y, block_.shape.y);
  set(special::ntid_z, block_.shape.z);
  set(special::ctaid_x, block_.index.x);
  set(special::ctaid_y, block_.index.y);
  set(special::ctaid_z, block_.index.z);
  set(special::nctaid_x, block_.grid.x);
  set(special::nctaid_y, block_.grid.y);
  set(special::nctaid_z, block_.grid.z);
  set(special::dynamic_smem_size, shape_.dynamic_shared_bytes);
  set(special::total_smem_size, block_.shared_bytes);
  set(special::nwarpid, static_cast<uint32_t>(block_.warps.size()));
}

void Launch::begin_warp(Warp& warp) {
  const auto threads = std::min<uint32_t>(threads_ - static_cast<uint32_t>(warp.index) * kLanes, kLanes);
  warp.live = threads == kLanes ? kAllLanes : (1u << threads) - 1;
  warp.waited = chain_ ? 0 : kAllLanes;
  warp.parked = warp.blocked = 0;
  warp.frames.assign(1, {});
  std::fill_n(warp.pc, kLanes, 0);
  std::fill_n(warp.frame, kLanes, 0);
  std::memset(warp.registers.data(), 0xfe,
              program_.functions[0].register_bytes);  // what is read before it is written
  warp.memories[kConstants] = const_cast<std::byte*>(program_.constants.data());
  warp.memories[kOfBlock] = block_.of_block.data();
  warp.memories[kOfWarp] = warp.of_warp;
  warp.enter(0);
  for (AsyncQueue& queue : warp.async) {
    queue.copies.clear();
    queue.group = 0;
  }
}

bool Launch::run_block(uint64_t number) {
  block_.index = {static_cast<uint32_t>(number % shape_.grid.x),
                  static_cast<uint32_t>(number / shape_.grid.x % shape_.grid.y),
                  static_cast<uint32_t>(number / (uint64_t{shape_.grid.x} * shape_.grid.y))};
  fill_of_block();
  for (const auto& warp : block_.warps) begin_warp(*warp);
  std::fill(std::begin(block_.barriers), std::end(block_.barriers), Barrier{});
  std::memset(block_.shared, 0xff, block_.shared_bytes);
  if (block_.is_checked) {
    Checker::instance().begin_block(block_.index, static_cast<int>(block_.warps.size()), block_.shared_bytes);
    for (const uint32_t gap : kernel_.shared_gaps) Checker::instance().forbid_shared(gap, Kernel::kSharedGap);
  }
  const bool is_fine = run_warps();
  if (block_.is_checked && is_fine && chain_) check_waited();
  if (block_.is_checked) Checker::instance().end_block();
  return is_fine;
}

// Who follows this kernel relies on its end alone: it must not come before the end of those in front of it.
void Launch::check_waited() const {
  const auto waited = [](const auto& warp) { return warp->waited != 0; };
  if (std::any_of(block_.warps.begin(), block_.warps.end(), waited)) return;
  Checker::instance().tell_unwaited(block_.warps[0]->pc[0] - 1);
}

bool Launch::run_warps() {
  const uint64_t begin = block_.counters.warp_instructions;
  uint64_t idle_rounds = 0;  // in which warps only yielded
  for (;;) {
    bool any_ran = false, all_yield = true;
    for (const size_t w : order(block_.warps.size())) {
      Warp& warp = *block_.warps[w];
      if (!(warp.live & ~warp.blocked)) continue;
      any_ran = true;
      run_warp(warp, order_.kind == Order::Kind::random ? 1 + random_.below(2000) : kSlice);
      if (warp.has_stopped) return false;
      all_yield = all_yield && warp.yields;
    }
    const bool completed = complete_barriers(block_);
    const bool is_over =
        std::all_of(block_.warps.begin(), block_.warps.end(), [](const auto& warp) { return !warp->live; });
    if (is_over) return true;
    idle_rounds = any_ran && all_yield && !completed ? idle_rounds + 1 : 0;
    const bool is_stuck = !any_ran && !completed;
    if (is_stuck || idle_rounds > 100'000 || block_.counters.warp_instructions - begin > kMostInstructions) {
      report({"deadlock", kernel_.name,
              (is_stuck ? "no thread can go on: " : "threads wait for what never comes: ") + waiting()});
      return false;
    }
  }
}

// Where the lanes of the block are, the first four places.
std::string Launch::waiting() const {
  std::map<std::pair<std::string, std::string>, uint32_t> places;
  for (const auto& warp : block_.warps) {
    each_lane(warp->live, [&](int l) {
      const bool is_parked = warp->parked >> l & 1;
      const uint32_t pc = is_parked ? warp->barrier_pc : warp->pc[l];
      const char* what = is_parked                ? "at a barrier"
                         : warp->blocked >> l & 1 ? "for lanes of their mask"
                                                  : "running";
      ++places[{what, kernel_.describe(pc)}];
    });
  }
  std::string text = "block (" + std::to_string(block_.index.x) + "," + std::to_string(block_.index.y) + "," +
                     std::to_string(block_.index.z) + ")";
  for (const auto& [place, count] : places)
    text += ", " + std::to_string(count) + " " + place.first + " " + place.second;
  return text;
}

}  // namespace

bool run(const Kernel& kernel, const LaunchShape& shape, const std::byte* parameters, const Chain* chain) {
  std::memcpy(kernel.parameters, parameters, kernel.parameter_bytes);
  try {
    Launch launch(kernel, shape, chain);
    const bool is_fine = launch.run();
    ++counted().launches;
    if (chain) ++counted().early_launches;
    counted() += launch.counters();
    return is_fine;
  } catch (const std::runtime_error& error) {
    report({"unsupported", kernel.name, error.what()});
    return false;
  }
}

void set_order(const Order& order) {
  settings().order = order;
}
void set_checked(bool is_checked) {
  settings().is_checked = is_checked;
}

Counters& counted() {
  static Counters& sum = *new Counters();
  return sum;
}
Counters take_counters() {
  return std::exchange(counted(), {});
}

}  // namespace quern::emulator
