// Between C++ values and those of abi.h.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstring>
#include <span>
#include <string_view>

#include "backend/backend.h"
#include "backend/device_probe.h"
#include "backend/library/abi.h"
#include "core/error.h"

namespace quern::wire {

// Cut off at a whole character where it does not fit.
template <size_t size>
void put_text(char (&into)[size], std::string_view text) {
  size_t count = std::min(text.size(), size - 1);
  if (count < text.size())
    while (count > 0 && (text[count] & 0xc0) == 0x80) --count;
  std::memcpy(into, text.data(), count);
  into[count] = 0;
}

template <size_t size>
std::string text_of(const char (&from)[size]) {
  return {from, strnlen(from, size)};
}

// The failure that is being handled, of which no exception may leave.
inline void put_failure(QuernFailure* into) noexcept {
  try {
    const Failure failure = current_failure();
    put_text(into->code, failure.code);
    put_text(into->message, failure.message);
  } catch (...) {
    put_text(into->code, "out_of_memory");
    put_text(into->message, "not even enough memory to say what failed");
  }
}

// Runs what may throw where no exception may leave.
template <typename Body>
QuernStatus guarded(QuernFailure* failure, const Body& body) noexcept {
  try {
    body();
    return 0;
  } catch (...) {
    put_failure(failure);
    return 1;
  }
}

// Throws what the other side says that failed: call(failure) is one of its functions.
template <typename Call>
void checked(const Call& call) {
  QuernFailure failure;
  if (call(&failure) != 0) throw Error(text_of(failure.code), text_of(failure.message));
}

// A flag is read by both sides as the byte that it is.
static_assert(sizeof(std::atomic<bool>) == sizeof(QuernFlag) && std::atomic<bool>::is_always_lock_free);
inline const QuernFlag* flag(const std::atomic<bool>* of) {
  return reinterpret_cast<const QuernFlag*>(of);
}
inline const std::atomic<bool>* flag(const QuernFlag* of) {
  return reinterpret_cast<const std::atomic<bool>*>(of);
}

inline QuernDtype dtype(Dtype of) {
  switch (of) {
    case Dtype::f32:
      return QUERN_F32;
    case Dtype::f16:
      return QUERN_F16;
    case Dtype::bf16:
      return QUERN_BF16;
  }
  throw Error("internal", "no data type has the number " + std::to_string(static_cast<int>(of)));
}
inline Dtype dtype(QuernDtype of) {
  switch (of) {
    case QUERN_F32:
      return Dtype::f32;
    case QUERN_F16:
      return Dtype::f16;
    case QUERN_BF16:
      return Dtype::bf16;
  }
  throw Error("device_mismatch", "the device library: no data type has the number " + std::to_string(of));
}

inline QuernTensor tensor(Tensor of) {
  return {of.data, of.rows, of.cols, dtype(of.dtype)};
}
inline Tensor tensor(QuernTensor of) {
  return {of.data, dtype(of.dtype), of.rows, of.cols};
}

inline QuernKvShape shape(const KvShape& of) {
  return {dtype(of.dtype), of.kv_heads, of.head_dim, of.pages};
}
inline KvShape shape(const QuernKvShape& of) {
  return {dtype(of.dtype), of.kv_heads, of.head_dim, of.pages};
}

inline QuernKvLayer layer(KvLayer of) {
  return {of.keys, of.values, of.group};
}
inline KvLayer layer(QuernKvLayer of) {
  return {of.keys, of.values, of.group};
}

inline void put_problem(QuernFailure& into, const std::optional<Failure>& problem) {
  put_text(into.code, problem ? problem->code : "");
  put_text(into.message, problem ? problem->message : "");
}
inline std::optional<Failure> problem(const QuernFailure& of) {
  if (of.code[0] == 0) return std::nullopt;
  return Failure{text_of(of.code), text_of(of.message)};
}

inline void put_probe(QuernProbe& into, const DeviceProbe& probe) {
  put_text(into.kind, probe.kind);
  into.driver_version = probe.driver_version;
  into.runtime_version = probe.runtime_version;
  put_problem(into.problem, probe.problem);
  into.device_count = 0;
  for (const ProbedDevice& device : probe.devices) {
    if (into.device_count == QUERN_MOST_DEVICES) break;
    QuernProbedDevice& one = into.devices[into.device_count++];
    put_text(one.name, device.name);
    put_text(one.isa, device.isa);
    one.index = device.index;
    one.capability_major = device.capability_major;
    one.capability_minor = device.capability_minor;
    one.multiprocessors = device.multiprocessors;
    one.memory_bytes = device.memory_bytes;
    put_problem(one.problem, device.problem);
  }
}
inline DeviceProbe probe(const QuernProbe& of) {
  DeviceProbe probe{text_of(of.kind), of.driver_version, of.runtime_version, {}, problem(of.problem)};
  const auto count = static_cast<size_t>(std::clamp<int32_t>(of.device_count, 0, QUERN_MOST_DEVICES));
  for (const QuernProbedDevice& one : std::span(of.devices).first(count))
    probe.devices.push_back({one.index, text_of(one.name), text_of(one.isa), one.capability_major,
                             one.capability_minor, one.multiprocessors, one.memory_bytes,
                             problem(one.problem)});
  return probe;
}

}  // namespace quern::wire
