// Runs the warps of a block.
#pragma once
#include "emulator/warp.h"

namespace quern::emulator {

// Runs a warp until its lanes have exited, wait at barriers of the block, or it yields; at most `limit`
// instructions. What is wrong is reported, and warp.has_stopped is set.
void run_warp(Warp& warp, uint64_t limit);

// Lets go the lanes that wait at the barriers of the block that are complete now. False: none is.
bool complete_barriers(Block& block);

}  // namespace quern::emulator
