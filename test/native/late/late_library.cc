#include "backend/cpu/cpu_device.h"
#include "backend/library/entry/entry.h"
#include "late/late_device.h"

namespace {

std::unique_ptr<quern::Device> create(int threads, const std::string& isa) {
  const auto knobs = quern::late::Knobs::from_environment();
  quern::host().log(("late: up to " + std::to_string(knobs.depth + 1) + " steps in flight").c_str());
  return quern::late::create_late_device(quern::create_cpu_device({threads, isa}), knobs);
}

}  // namespace

extern "C" QUERN_EXPORT void quern_backend(uint32_t abi, const QuernHost* host, QuernLibrary* library) {
  quern::export_device(create, abi, *host, *library);
}
