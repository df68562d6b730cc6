#include "backend/library/stream.h"
#include "backend/library/wire.h"

namespace quern {

LibraryWeight::LibraryWeight(const QuernLibrary& library, QuernDevice* device, const WeightView& view)
    : library_(library) {
  const auto read = [](const void* context, int64_t first, int64_t count, void* into, QuernFailure* failure) {
    return wire::guarded(failure, [&] {
      static_cast<const WeightView*>(context)->read(first, count, static_cast<std::byte*>(into));
    });
  };
  const std::string format(view.format->name);
  const QuernWeightView crossing{format.c_str(), view.rows, view.cols, view.is_vector,
                                 view.exact,     read,      &view};
  wire::checked([&](QuernFailure* failure) {
    return library.create_weight(device, &crossing, &weight_, &bytes_, failure);
  });
}

}  // namespace quern
