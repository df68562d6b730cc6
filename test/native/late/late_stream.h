#pragma once
#include <memory>

#include "backend/backend.h"
#include "late/address_map.h"
#include "late/late_device.h"

namespace quern::late {

std::unique_ptr<Stream> create_late_stream(std::unique_ptr<Stream> inner,
                                           std::shared_ptr<const AddressMap> memory, const Knobs& knobs);

}  // namespace quern::late
