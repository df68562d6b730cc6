#include "backend/library/device.h"

#include <dlfcn.h>
#include <unistd.h>

#include <vector>

#include "backend/library/elf_file.h"
#include "backend/library/host.h"
#include "backend/library/stream.h"
#include "backend/library/wire.h"

namespace quern {

namespace {

class LibraryMemory final : public Memory {
 public:
  LibraryMemory(const QuernLibrary& library, QuernDevice* device, size_t bytes) : library_(library) {
    wire::checked([&](QuernFailure* failure) {
      return library.create_memory(device, bytes, &memory_, &address_, failure);
    });
  }
  ~LibraryMemory() override { library_.destroy_memory(memory_); }
  void* address() const override { return address_; }

 private:
  const QuernLibrary& library_;
  QuernMemory* memory_ = nullptr;
  void* address_ = nullptr;
};

class LibraryDevice final : public Device {
 public:
  LibraryDevice(const QuernLibrary& library, int index, int threads, const std::string& isa)
      : library_(library) {
    const QuernDeviceOptions options{threads, isa.c_str(), index};
    wire::checked([&](QuernFailure* failure) { return library_.create_device(&options, &device_, failure); });
  }
  ~LibraryDevice() override { library_.destroy_device(device_); }

  DeviceDescription describe() const override {
    const QuernDescription description = ask();
    return {wire::text_of(description.kind), wire::text_of(description.isa), wire::text_of(description.name),
            description.threads};
  }
  std::unique_ptr<Weight> prepare_weight(const WeightView& view) override {
    return std::make_unique<LibraryWeight>(library_, device_, view);
  }
  std::unique_ptr<Memory> allocate(size_t bytes) override {
    return std::make_unique<LibraryMemory>(library_, device_, bytes);
  }
  std::unique_ptr<Stream> create_stream(const StreamLimits& limits) override {
    return create_library_stream(library_, device_, limits);
  }
  KvBudget kv_budget() const override {
    QuernKvBudget budget{};
    wire::checked([&](QuernFailure* failure) { return library_.kv_budget(device_, &budget, failure); });
    return {budget.bytes, budget.contexts};
  }
  Dtype kv_dtype(bool exact) const override {
    const QuernDescription description = ask();
    return wire::dtype(exact ? description.exact_keys_and_values : description.keys_and_values);
  }
  Dtype activation_dtype(bool exact) const override {
    const QuernDescription description = ask();
    return wire::dtype(exact ? description.exact_activations : description.activations);
  }

  // What keeps a state from token to token, or draws more than once, does not cross: it is the host's.
  bool samples(const SamplingOptions& options) const override {
    if (options.dry.multiplier != 0 || options.xtc_probability > 0 || options.mirostat.version != 0)
      return false;
    std::vector<QuernLogitBias> biases;
    const QuernSampling crossing = library_sampling(options, biases);
    int32_t does = 0;
    wire::checked(
        [&](QuernFailure* failure) { return library_.samples(device_, &crossing, &does, failure); });
    return does != 0;
  }

 private:
  QuernDescription ask() const {
    QuernDescription description{};
    wire::checked([&](QuernFailure* failure) { return library_.describe(device_, &description, failure); });
    return description;
  }

  const QuernLibrary library_;
  QuernDevice* device_ = nullptr;
};

QuernLibrary open_library(const std::string& path) {
  if (access(path.c_str(), R_OK) != 0)
    throw Error("missing_file", path + ": expected a device library, got no file that can be read");
  if (is_cut_off(path)) {
    throw Error("device_mismatch",
                path + ": expected a whole device library, got one without its end: install it again");
  }
  // Without a slash the system would look elsewhere.
  const std::string place = path.find('/') == std::string::npos ? "./" + path : path;
  void* const handle = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    throw Error("device_mismatch",
                path + ": expected a device library that this system can load, got: " + dlerror());
  }
  const auto entry = reinterpret_cast<QuernBackend>(dlsym(handle, "quern_backend"));
  if (!entry) {
    throw Error("device_mismatch",
                path + ": expected a device library of quern, got a library without quern_backend");
  }
  QuernLibrary library{};
  entry(QUERN_DEVICE_ABI, &library_host(), &library);
  if (library.abi != QUERN_DEVICE_ABI) {
    throw Error("device_mismatch", path + ": expected a device library of interface " +
                                       std::to_string(QUERN_DEVICE_ABI) + ", got one of interface " +
                                       std::to_string(library.abi) +
                                       ": install the one that belongs to this version of quern");
  }
  return library;
}

}  // namespace

std::unique_ptr<Device> create_library_device(const std::string& path, int index, int threads,
                                              const std::string& isa) {
  return std::make_unique<LibraryDevice>(open_library(path), index, threads, isa);
}

DeviceProbe probe_library_devices(const std::string& path) {
  const QuernLibrary library = open_library(path);
  const auto found = std::make_unique<QuernProbe>();
  wire::checked([&](QuernFailure* failure) { return library.probe(found.get(), failure); });
  return wire::probe(*found);
}

uint64_t library_device_memory(const std::string& path, int index) {
  const QuernLibrary library = open_library(path);
  uint64_t bytes = 0;
  wire::checked([&](QuernFailure* failure) { return library.free_memory(index, &bytes, failure); });
  return bytes;
}

}  // namespace quern
