#include "binding/device_binding.h"

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "backend/devices.h"
#include "binding/errors.h"
#include "binding/wakeup.h"
#include "binding/writer.h"

namespace quern {

namespace {

std::optional<Napi::Object> to_js(Napi::Env env, const std::optional<Failure>& problem) {
  if (!problem) return std::nullopt;
  const Writer object(env, "NativeProblem");
  object.text("code", problem->code);
  object.text("message", problem->message);
  return object.written();
}

Napi::Object to_js(Napi::Env env, const ProbedDevice& device) {
  const Writer object(env, "NativeProbedDevice");
  object.number("index", device.index);
  object.text("name", device.name);
  object.text("isa", device.isa);
  object.number("capabilityMajor", device.capability_major);
  object.number("capabilityMinor", device.capability_minor);
  object.number("multiprocessors", device.multiprocessors);
  object.number("memoryBytes", device.memory_bytes);
  object.optional_object("problem", to_js(env, device.problem));
  return object.written();
}

Napi::Object to_js(Napi::Env env, const DeviceProbe& probe) {
  Napi::Array devices = Napi::Array::New(env);
  for (const ProbedDevice& device : probe.devices) put(devices, devices.Length(), to_js(env, device));
  const Writer object(env, "NativeDeviceProbe");
  object.text("kind", probe.kind);
  object.number("driverVersion", probe.driver_version);
  object.number("runtimeVersion", probe.runtime_version);
  object.optional_object("problem", to_js(env, probe.problem));
  object.objects("devices", devices);
  return object.written();
}

Napi::Value to_js(Napi::Env env, uint64_t number) {
  return Napi::Number::New(env, static_cast<double>(number));
}

// Gives a promise of what `ask` returns. It runs on a thread of its own, which nobody waits for: a driver
// that hangs would hold one of libuv's for good.
template <typename Ask>
Napi::Value promised(Napi::Env env, const Ask& ask) {
  struct Answer {
    decltype(ask()) given{};
    std::optional<Failure> failure;
  };
  const auto answer = std::make_shared<Answer>();
  const auto deferred = Napi::Promise::Deferred::New(env);
  const Wakeup done(env, "quern probe", [answer, deferred](Napi::Env call_env) {
    if (answer->failure)
      deferred.Reject(to_js_error(call_env, *answer->failure).Value());
    else
      deferred.Resolve(to_js(call_env, answer->given));
  });
  done.unref(env);
  std::thread([answer, done, ask] {
    try {
      answer->given = ask();
    } catch (...) {
      answer->failure = current_failure();
    }
    done.call();
    done.release();
  }).detach();
  return deferred.Promise();
}

// probeDevices(library: string): Promise<NativeDeviceProbe>
Napi::Value probe_devices(const Napi::CallbackInfo& args) {
  return guarded(args.Env(), [&]() -> Napi::Value {
    return promised(args.Env(),
                    [library = args[0].ToString().Utf8Value()] { return probe_library(library); });
  });
}

// freeDeviceMemory(library: string, index: number): Promise<number>
Napi::Value device_memory(const Napi::CallbackInfo& args) {
  return guarded(args.Env(), [&]() -> Napi::Value {
    return promised(args.Env(),
                    [library = args[0].ToString().Utf8Value(), index = args[1].ToNumber().Int32Value()] {
                      return free_device_memory(library, index);
                    });
  });
}

}  // namespace

void export_devices(Napi::Env env, Napi::Object exports) {
  exports.Set("probeDevices", Napi::Function::New(env, probe_devices, "probeDevices"));
  exports.Set("freeDeviceMemory", Napi::Function::New(env, device_memory, "freeDeviceMemory"));
}

}  // namespace quern
