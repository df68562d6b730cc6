/* A device library of another interface. In C, so that it shows as well that abi.h is C. */
#include "backend/library/abi.h"

__attribute__((visibility("default"))) void quern_backend(uint32_t abi, const QuernHost* host,
                                                          QuernLibrary* library) {
  (void)host;
  library->abi = abi + 1;
}
