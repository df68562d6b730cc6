// What every launcher of a kernel ends with.
#pragma once

namespace quern::cuda {

// Throws Error where the kernel that was just launched could not be: its name, and what the runtime says.
void check_launch(const char* kernel);

}  // namespace quern::cuda
