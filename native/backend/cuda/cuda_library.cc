#include "backend/cuda/cuda_device.h"
#include "backend/cuda/cuda_probe.h"
#include "backend/library/entry/entry.h"

namespace {

std::unique_ptr<quern::Device> create(int index, int threads, const std::string&) {
  return quern::cuda::create_cuda_device(index, threads);
}

constexpr quern::LibraryDevices kDevices{create, quern::cuda::probe_cuda, quern::cuda::free_memory};

}  // namespace

extern "C" QUERN_EXPORT void quern_backend(uint32_t abi, const QuernHost* host, QuernLibrary* library) {
  quern::export_device(kDevices, abi, *host, *library);
}
