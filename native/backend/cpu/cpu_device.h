#pragma once
#include <memory>
#include <string>

#include "backend/backend.h"

namespace quern {

struct CpuOptions {
  int threads = 0;           // 0: as many as the process may use
  std::string isa = "auto";  // or the name of an instruction set, see cpu/isa.h
};

// The device that every machine has: kernels on the process's shared compute threads.
std::unique_ptr<Device> create_cpu_device(const CpuOptions& options);

}  // namespace quern
