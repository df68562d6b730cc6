#include "core/error.h"

#include <new>

namespace quern {

Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {"out_of_memory", "not enough memory for what was asked for"};
  } catch (const std::exception& error) {
    return {"internal", error.what()};
  } catch (...) {
    return {"internal", "something that is no exception was thrown"};
  }
}

}  // namespace quern
